"""LiteRT (TensorFlow Lite): what `.tflite` files say without being run, and what runs them."""
