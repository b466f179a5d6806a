"""How well promises were kept, as figures, text and page."""
