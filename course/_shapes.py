"""Shapes in signatures: `Float[Tensor, "B T V"]` says what a tensor holds.

The letters: P prompts, G samples of each, B rows, T tokens, V vocabulary, D hidden size, H heads, K key-value heads,
E experts. The tests check them at run time with jaxtyping; without it they are notes to the reader.
"""

try:
    from jaxtyping import Bool, Complex, Float, Int
except ImportError:  # optional: only the tests need it

    class _Note:
        """Stands in for jaxtyping: `Float[Tensor, "B T"]` is then just `Tensor`."""

        def __class_getitem__(cls, item):
            return item[0]

    Bool = Complex = Float = Int = _Note

__all__ = ["Bool", "Complex", "Float", "Int"]
