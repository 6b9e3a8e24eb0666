"""Are heatmaps right? Maps against lesion masks, against the model's answer, against chance."""
