"""The checklist of debugging as code: what is wrong with a training script."""
