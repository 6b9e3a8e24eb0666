"""From probabilities to a decision: the rules, and how they are fitted."""

from skin.ensembling.decide.fit import RuleFit, parse_rule
from skin.ensembling.decide.rules import Argmax, Cost, Rule, Sensitivity, Weights

__all__ = ["Argmax", "Cost", "Rule", "RuleFit", "Sensitivity", "Weights", "parse_rule"]
