"""What one part of an evaluation leaves behind, and the whole evaluation made of all parts."""
