"""vagalwatch: notices possible flooding or shutdown, and guides an agreed break."""

__version__ = "0.1.0"
