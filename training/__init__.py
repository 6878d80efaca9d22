"""How the weights in `models/` were made: `python -m training label|train|export|evaluate`."""
