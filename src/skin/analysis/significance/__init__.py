"""Paired tests of two models on the same images, with lesions as the independent draws."""
