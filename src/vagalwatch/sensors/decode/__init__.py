"""One file a device family: bytes to frozen values, pure."""
