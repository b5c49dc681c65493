"""Model families: one per file, each with ``build(input_shape, outputs, **options) -> nn.Module``."""
