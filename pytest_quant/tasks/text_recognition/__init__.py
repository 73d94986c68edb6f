"""Text recognition: the text of an image of one line or word, word accuracy and edit distances."""
