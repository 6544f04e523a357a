def flat(frame):
    """A table's columns: the members of structs (window_start), times and nested values as text."""
    columns = []
    for field in frame.schema:
        parts = field.dataType if field.dataType.typeName() == "struct" else [None]
        for part in parts:
            path = f"`{field.name}`.`{part.name}`" if part else f"`{field.name}`"
            name = f"{field.name}_{part.name}" if part else field.name
            kind = (part or field).dataType.typeName()
            if kind in ("timestamp", "date"):
                column = F.col(path).cast("string")
            elif kind == "decimal":
                column = F.col(path).cast("double")
            elif kind in ("array", "map", "struct"):
                column = F.to_json(path)
            else:
                column = F.col(path)
            columns.append(column.alias(name))
    return frame.select(columns)
