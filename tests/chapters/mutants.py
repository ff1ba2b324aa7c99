"""A function with one thing wrong, in every way this program knows: what the check of an exercise must refuse."""

import ast
import copy
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator

COMPARED = {
    ast.Eq: (ast.NotEq, ast.In, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt),
    ast.Lt: (ast.LtE, ast.Gt, ast.NotEq),
    ast.LtE: (ast.Lt, ast.GtE, ast.Eq),
    ast.Gt: (ast.GtE, ast.Lt, ast.NotEq),
    ast.GtE: (ast.Gt, ast.LtE, ast.Eq),
    ast.In: (ast.NotIn, ast.Eq),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
COMPUTED = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Div,),
    ast.Pow: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
}
OTHERS = {  # a name people take for another one
    "min": ("max",),
    "max": ("min",),
    "stdev": ("pstdev", "variance"),
    "mean": ("median",),
    "comb": ("perm",),
    "rpartition": ("partition",),
    "any": ("all",),
    "all": ("any",),
}
EITHER_WAY = ("{0}.startswith({1})", "{0}.endswith({1})", "{1} in {0}")  # instead of the same text
ONE_WAY = ("{0}.split()[-1:] == [{1}]", "{0} in ({1}, '')")


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Each way to break a function, as `before -> after`, with the function broken in this one way."""
    tree = _Bare().visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
    seen = {ast.dump(tree)}
    for place, node in enumerate(list(ast.walk(tree))):
        for change in list(_changes(node)):
            broken = copy.deepcopy(tree)
            target = list(ast.walk(broken))[place]
            replaced = _Replace(target, change).visit(broken)
            if ast.dump(replaced) in seen:
                continue
            seen.add(ast.dump(replaced))
            yield f"{ast.unparse(node)} -> {ast.unparse(change)}", _made(replaced, function)


class _Bare(ast.NodeTransformer):
    """Takes away what no input can tell: annotations, docstrings, and the `strict` of a `zip`."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        node.body = node.body[ast.get_docstring(node) is not None :]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "strict"]
        return self.generic_visit(node)


class _Replace(ast.NodeTransformer):
    """Puts another node in the place of one."""

    def __init__(self, target: ast.AST, change: ast.AST):
        self.target, self.change = target, change

    def visit(self, node: ast.AST) -> ast.AST:
        return self.change if node is self.target else self.generic_visit(node)


def _made(tree: ast.AST, function: Callable) -> Callable:
    names = dict(vars(sys.modules[function.__module__]))
    with warnings.catch_warnings(action="ignore"):  # `x is ""` is one of the mistakes
        exec(compile(ast.fix_missing_locations(tree), f"<{function.__name__}, broken>", "exec"), names)  # noqa: S102
    return names[function.__name__]


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand wrongly in place of a node."""
    if isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.BinOp):
        for other in COMPUTED.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)
        yield from (node.left, node.right)
        if not isinstance(node.op, ast.Add | ast.Mult):
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from node.values if len(node.values) == 2 else ()
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Call):
        yield from _called(node)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield node.value
    elif isinstance(node, ast.comprehension):
        yield ast.comprehension(node.target, node.iter, [], 0)
        for piece in ("[1:]", "[:-1]"):
            shorter = ast.parse(f"list({ast.unparse(node.iter)}){piece}", mode="eval").body
            yield ast.comprehension(node.target, shorter, node.ifs, 0)
    elif isinstance(node, ast.Return):
        for text in ("int({})", "round({}, 2)"):
            yield ast.Return(ast.parse(text.format(ast.unparse(node.value)), mode="eval").body)
    elif isinstance(node, ast.If):
        yield from (ast.If(ast.Constant(value), node.body, node.orelse) for value in (True, False))
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        yield ast.Pass()


def _compared(node: ast.Compare) -> Iterator[ast.expr]:
    for other in COMPARED.get(type(node.ops[0]), ()):
        yield ast.Compare(node.left, [other()], node.comparators)
    left, right = (f"({ast.unparse(side)})" for side in (node.left, node.comparators[0]))
    if isinstance(node.ops[0], ast.Eq) and not right.strip("()").isdigit():
        for text in (
            *(one.format(left, right) for one in EITHER_WAY + ONE_WAY),
            *(one.format(right, left) for one in EITHER_WAY),
        ):
            yield ast.parse(text, mode="eval").body


def _constants(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        values = {node.value + 1, node.value - 1, 0, node.value * 2, node.value / 2} - {node.value}
        yield from (ast.Constant(value) for value in sorted(values))
    elif node.value is None:
        yield ast.Constant("")


def _called(node: ast.Call) -> Iterator[ast.expr]:
    """Another function, the argument as it is, and what a method was called on."""
    if isinstance(node.func, ast.Name):
        for other in OTHERS.get(node.func.id, ()):
            yield ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)
    if isinstance(node.func, ast.Attribute):
        for other in OTHERS.get(node.func.attr, ()):
            yield ast.Call(ast.Attribute(node.func.value, other, ast.Load()), node.args, node.keywords)
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("math", "statistics", "t", "re")):
            yield node.func.value
    if node.args:
        yield node.args[0]
    if len(node.args) == 2:
        yield node.args[1]
