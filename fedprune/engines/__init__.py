"""Where clients run: engines drive an unmodified Flower ServerApp and ClientApp and differ only in the
machines."""
