"""Bodies with a known truth and the GATT peripherals that report them."""
