"""Training of the emotion-cam classifiers: `python3 -m training <stage>` from models/."""
