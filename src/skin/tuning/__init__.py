"""Hyper-parameter search: many trainings of one config on the same folds, guided by Optuna."""
