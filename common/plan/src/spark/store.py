def store(batch, database, table, keys=(), anew=False):
    """Puts rows into a table of SQLite: beside the others, in place of those of the same keys, or anew."""
    rows = flat(batch)
    names = ", ".join(f'"{name}"' for name in rows.columns)
    places = ", ".join("?" for _ in rows.columns)
    by = [name for name in rows.columns if any(name == key or name.startswith(key + "_") for key in keys)]
    same = " and ".join(f'"{name}" is ?' for name in by)
    rows = rows.collect()
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(f'create table if not exists "{table}" ({names})')
        if anew:
            db.execute(f'delete from "{table}"')
        if by:
            db.executemany(f'delete from "{table}" where {same}', [[row[name] for name in by] for row in rows])
        db.executemany(f'insert into "{table}" ({names}) values ({places})', rows)
