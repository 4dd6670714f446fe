"""Values too long for a row."""

from sqlalchemy import event, func, select

from wflo.db.tables import blobs
from wflo.journal.blobs import MAX_INLINE, get_blobs, get_text, put_texts

LONG = "x" * (MAX_INLINE + 1)


async def count(conn):
    return await conn.scalar(select(func.count()).select_from(blobs))


async def test_short_texts_stay_where_they_are_and_cost_no_statement(database):
    async with database.begin() as conn:
        sent = []
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *args: sent.append(args))
        stored = await put_texts(conn, ["1", None, "é" * (MAX_INLINE // 2), "x" * MAX_INLINE])
    assert [text for text, _ in stored] == ["1", None, "é" * (MAX_INLINE // 2), "x" * MAX_INLINE]
    assert [blob for _, blob in stored] == [None] * 4
    assert sent == []


async def test_a_text_is_long_by_its_bytes(database):
    text = "é" * (MAX_INLINE // 2 + 1)
    async with database.begin() as conn:
        [stored] = await put_texts(conn, [text])
        assert stored.text is None
        assert await get_text(conn, *stored) == text


async def test_equal_texts_are_kept_once(database):
    async with database.begin() as conn:
        first = await put_texts(conn, [LONG, "short", LONG, LONG + "y"])
        again = await put_texts(conn, [LONG])
        assert await count(conn) == 2
    assert first[0] == first[2] == again[0]
    assert first[0].blob != first[3].blob


async def test_long_texts_come_back_together(database):
    texts = [LONG + str(number) for number in range(600)]
    async with database.begin() as conn:
        stored = await put_texts(conn, texts)
    async with database.read() as conn:
        found = await get_blobs(conn, [blob for _, blob in stored] + [None])
    assert [found[blob] for _, blob in stored] == texts


async def test_a_short_text_is_not_looked_for(database):
    async with database.read() as conn:
        assert await get_text(conn, "1", None) == "1"
        assert await get_text(conn, None, None) is None
        assert await get_blobs(conn, [None]) == {}
