"""What a power cut may leave, by hand: what was synced always, the rest in every combination."""

from __future__ import annotations

from tests.power import model
from tests.power.model import Tree
from tests.power.steps import Data, Mark, Name, Node, Step, Sync


class Disk:
    """A hand that makes steps, each over before the next begins."""

    def __init__(self) -> None:
        self.top = Node(0, "folder")
        self.steps: list[Step] = []
        self.mark("begin")

    def _do(self, kind: type[Step], *values: object) -> Step:
        at = 2 * len(self.steps)
        self.steps.append(kind(at, at + 1, *values))
        return self.steps[-1]

    def mark(self, said: str) -> None:
        """Promise something."""
        self._do(Mark, said)

    def file(self, name: str, content: bytes, folder: Node | None = None) -> Node:
        """Make a file."""
        node = Node(len(self.steps), "file")
        self._do(Name, folder or self.top, name, node)
        self._do(Data, node, 0, content)
        return node

    def folder(self, name: str) -> Node:
        """Make a folder."""
        node = Node(len(self.steps), "folder")
        self._do(Name, self.top, name, node)
        return node

    def sync(self, node: Node | None) -> None:
        """Make a file, a folder or all safe."""
        self._do(Sync, node)

    def rename(self, node: Node, old: str, new: str) -> None:
        """Rename a file in its folder."""
        self._do(Name, self.top, new, node, old)

    def move(self, node: Node, old: str, folder: Node, new: str) -> None:
        """Rename a file into another folder."""
        first = self._do(Name, folder, new, node)
        self._do(Name, self.top, old, None, None, first)

    def left(self, *, ordered: bool = False, promised: int = 0) -> list[dict[str, bytes | None]]:
        """Give all that a cut may leave after so many promises."""
        tree = Tree(self.steps, 1, self.top)
        found = []
        for point in model.points(self.steps, 0, ordered=ordered):
            for state in model.states(point, 100_000, ordered=ordered):
                files = {name: told and told[1] for name, told in tree.of(state).items()}
                if point.promised >= promised and files not in found:
                    found.append(files)
        return found


def test_a_file_that_was_replaced_with_care_is_the_old_one_or_the_new_one():
    disk = Disk()
    new = disk.file("a.tmp", b"new")
    disk.sync(new)
    disk.rename(new, "a.tmp", "a")
    disk.sync(disk.top)
    disk.mark("done")
    assert {each.get("a") for each in disk.left()} == {None, b"new"}
    assert disk.left(promised=1) == [{"a": b"new"}]


def test_a_file_that_is_renamed_before_it_is_synced_may_be_empty_torn_or_zeros():
    disk = Disk()
    new = disk.file("a.tmp", b"n" * 1000)
    disk.rename(new, "a.tmp", "a")
    disk.sync(disk.top)
    for ordered in (True, False):
        contents = {each.get("a") for each in disk.left(ordered=ordered)}
        assert {None, b"", b"n" * 512, bytes(1000), b"n" * 512 + bytes(488)} <= contents


def test_a_name_that_was_not_synced_may_be_lost_after_the_promise():
    disk = Disk()
    new = disk.file("a", b"new")
    disk.sync(new)
    disk.mark("done")
    assert {} in disk.left(promised=1)
    assert {} not in disk.left(ordered=True, promised=1)  # any sync takes names along there


def test_names_come_in_any_combination_or_in_order():
    disk = Disk()
    for name in "abc":
        disk.folder(name)
    assert len(disk.left()) == 8
    assert [sorted(each) for each in disk.left(ordered=True)] == [
        [], ["a"], ["a", "b"], ["a", "b", "c"],
    ]  # fmt: skip


def test_a_rename_between_folders_loses_no_file_and_has_two_names_only_behind_a_sync():
    disk = Disk()
    disk.sync(disk.file("a", b"old"))
    folder = disk.folder("d")
    disk.sync(disk.top)
    disk.mark("made")
    disk.move(disk.steps[1].node, "a", folder, "a")
    assert disk.left(promised=1) == [{"a": b"old", "d": None}, {"d": None, "d/a": b"old"}]
    disk.sync(folder)
    assert {"a": b"old", "d": None, "d/a": b"old"} in disk.left(promised=1)
    disk.sync(disk.top)
    disk.mark("done")
    assert disk.left(promised=2) == [{"d": None, "d/a": b"old"}]


def test_what_is_written_while_a_sync_is_at_work_is_not_saved_by_it():
    disk = Disk()
    node = disk.file("a", b"1")
    disk.sync(disk.top)
    early = disk.steps[-2].begun - 1
    disk.steps.append(Sync(early, 99, node))
    disk.mark("done")
    assert {"a": b""} in disk.left(promised=1)


def test_a_file_in_a_folder_that_was_never_saved_is_lost_with_it():
    disk = Disk()
    folder = disk.folder("d")
    node = disk.file("a", b"new", folder)
    disk.sync(node)
    disk.sync(folder)
    disk.mark("done")
    assert {} in disk.left(promised=1)
    disk.sync(None)
    disk.mark("all")
    assert disk.left(promised=2) == [{"d": None, "d/a": b"new"}]


def test_more_states_than_are_wanted_are_drawn_alike_each_time():
    disk = Disk()
    for name in "abcdefgh":
        disk.file(name, b"x" * 600)
    (point,) = model.points(disk.steps, 0, ordered=False)
    tree = Tree(disk.steps, 1, disk.top)
    several = [
        [model.digest(tree.of(each)) for each in model.states(point, 40, ordered=False)]
        for _ in range(2)
    ]
    assert several[0] == several[1]
    assert len(several[0]) == 40
    assert len(set(several[0])) > 30


def test_states_are_built_with_links_as_they_were(tmp_path):
    disk = Disk()
    node = disk.file("a", b"both")
    disk._do(Name, disk.top, "b", node)
    tree = Tree(disk.steps, 1, disk.top)
    model.build(tree.live(len(disk.steps)), tmp_path / "made")
    one, two = (tmp_path / "made" / name for name in "ab")
    assert one.read_bytes() == b"both"
    assert one.samefile(two)
