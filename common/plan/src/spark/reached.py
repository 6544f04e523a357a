def reached(query, offset):
    """True once the source of the query stands at or behind the offset."""
    report = query.lastProgress
    end = report and json.loads(report["sources"][0]["endOffset"] or "0")
    return bool(report) and (end["offset"] if isinstance(end, dict) else end) >= offset
