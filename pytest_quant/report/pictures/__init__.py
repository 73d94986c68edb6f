"""What an HTML report shows of the samples of a model, made where the model was measured."""
