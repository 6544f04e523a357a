"""The queries of the benchmark, each as one would write it for each engine.

DATA is the folder of generated data, OUT the file (st, DuckDB, jq, Miller) or folder (Spark) of the answer, CK a fresh folder
for st's checkpoint. Answers of all engines are JSON rows with the same columns; `check` is what of them must be equal.
A streaming query emits only what its watermark has closed: `closed` says which rows of a batch engine's answer those are.
"""

from dataclasses import dataclass

EVENTS = {
    "event_id": "VARCHAR", "timestamp": "TIMESTAMP", "user_id": "VARCHAR", "session_id": "VARCHAR", "event_type": "VARCHAR",
    "product_id": "VARCHAR", "category": "VARCHAR", "price": "DOUBLE", "quantity": "INTEGER",
}  # fmt: skip
SPARK_EVENTS = (
    "event_id STRING, timestamp TIMESTAMP, user_id STRING, session_id STRING, event_type STRING, product_id STRING, "
    "category STRING, price DOUBLE, quantity INT"
)
WINDOW = 'STRUCT(start TIMESTAMP, "end" TIMESTAMP)'
MARK = "$MARK"  # the watermark at the end: ten minutes before the last event
TAIL = "st-tail -q --available-now --checkpoint $CK $DATA"
SINK = "st-sink -q json --file $OUT"


@dataclass
class Workload:
    name: str
    what: str
    st: str
    duckdb: str
    columns: dict[str, str]
    check: str
    spark: str
    mode: str = "append"
    closed: str = "true"
    jq: str = ""
    mlr: str = ""


def events(*columns):
    """DuckDB reads only the columns it is told of."""
    known = ", ".join(f"{column}: '{EVENTS[column]}'" for column in columns)
    return f"read_json('$DATA/events/*.json', format = 'newline_delimited', columns = {{{known}}})"


def spark_json(folder, schema=SPARK_EVENTS):
    return f"spark.readStream.schema('{schema}').json(f'{{DATA}}/{folder}')"


WORKLOADS = [
    Workload(
        name="revenue",
        what="purchases, five-minute windows by category",
        st=f"""{TAIL}/events |
            st-map -q --where 'event_type = "purchase"' |
            st-watermark -q timestamp '10 minutes' |
            st-agg -q --by 'window(timestamp, "5 minutes") as window, category' --mode append \
                --agg 'sum(price) as revenue, count(*) as purchases' | {SINK}""",
        duckdb=f"""select {{'start': start, 'end': start + interval 5 minutes}} as \"window\", category, revenue, purchases
            from (select time_bucket(interval 5 minutes, timestamp) as start, category,
                    sum(price) as revenue, count(*) as purchases
                from {events("timestamp", "event_type", "category", "price")}
                where event_type = 'purchase' group by all)""",
        spark=f"""{spark_json("events")}.where("event_type = 'purchase'").withWatermark("timestamp", "10 minutes")
            .groupBy(F.window("timestamp", "5 minutes"), "category")
            .agg(F.sum("price").alias("revenue"), F.count("*").alias("purchases"))""",
        jq=r"""jq -cn 'reduce (inputs | select(.event_type == "purchase")) as $e ({};
                ($e.timestamp[0:14] + ("0\($e.timestamp[14:16] | tonumber / 5 | floor * 5)" | .[-2:]) + ":00Z") as $start
                | [$start, $e.category] as $key
                | ($key | tostring) as $text
                | .[$text] = {window: {start: $start, end: null}, category: $e.category,
                    revenue: (.[$text].revenue + $e.price), purchases: (.[$text].purchases + 1)})
            | .[]' $DATA/events/*.json > $OUT""",
        mlr=r"""mlr --ijsonl --ojsonl filter '$event_type == "purchase"' \
            then put '$start = sec2gmt(gmt2sec($timestamp) // 300 * 300)' \
            then stats1 -a sum,count -f price -g start,category \
            then rename price_sum,revenue,price_count,purchases \
            then put '$window = {"start": $start}; unset $start' $DATA/events/*.json > $OUT""",
        columns={"window": WINDOW, "category": "VARCHAR", "revenue": "DOUBLE", "purchases": "BIGINT"},
        check='"window".start, category, round(revenue, 3), purchases',
        closed=f'"window".start + interval 5 minutes <= {MARK}',
    ),
    Workload(
        name="sliding",
        what="windows of thirty minutes every five, by category",
        st=f"""{TAIL}/events |
            st-watermark -q timestamp '10 minutes' |
            st-agg -q --by 'window(timestamp, "30 minutes", "5 minutes") as window, category' --mode append \
                --agg 'sum(price) as revenue, count(*) as events' | {SINK}""",
        duckdb=f"""select {{'start': start, 'end': start + interval 30 minutes}} as \"window\", category, revenue, events
            from (select time_bucket(interval 5 minutes, timestamp) - to_minutes(5 * step) as start, category,
                    sum(price) as revenue, count(*) as events
                from {events("timestamp", "category", "price")}, (select unnest(range(6)) as step) group by all)""",
        spark=f"""{spark_json("events")}.withWatermark("timestamp", "10 minutes")
            .groupBy(F.window("timestamp", "30 minutes", "5 minutes"), "category")
            .agg(F.sum("price").alias("revenue"), F.count("*").alias("events"))""",
        columns={"window": WINDOW, "category": "VARCHAR", "revenue": "DOUBLE", "events": "BIGINT"},
        check='"window".start, category, round(revenue, 3), events',
        closed=f'"window".start + interval 30 minutes <= {MARK}',
    ),
    Workload(
        name="mapfilter",
        what="rows with a price above 100, with their total",
        st=f"""{TAIL}/events |
            st-map -q --where 'price > 100' --set 'total = price * quantity' | {SINK}""",
        duckdb=f"select *, price * quantity as total from {events(*EVENTS)} where price > 100",
        spark=f"""{spark_json("events")}.where("price > 100").withColumn("total", F.expr("price * quantity"))""",
        jq="jq -c 'select(.price > 100) | .total = .price * .quantity' $DATA/events/*.json > $OUT",
        mlr="mlr --ijsonl --ojsonl filter '$price > 100' then put '$total = $price * $quantity' $DATA/events/*.json > $OUT",
        columns=EVENTS | {"total": "DOUBLE"},
        check="* exclude (total, price), round(total, 3), round(price, 3)",
    ),
    Workload(
        name="distinct",
        what="200,000 groups: count and sum by user",
        st=f"""{TAIL}/events |
            st-agg -q --by user_id --mode complete --agg 'count(*) as events, sum(price) as spent' | {SINK}""",
        duckdb=f"""select user_id, count(*) as events, sum(price) as spent from {events("user_id", "price")} group by all""",
        spark=f"""{spark_json("events")}.groupBy("user_id")
            .agg(F.count("*").alias("events"), F.sum("price").alias("spent"))""",
        mode="complete",
        jq=r"""jq -cn 'reduce inputs as $e ({}; .[$e.user_id] as $so_far
            | .[$e.user_id] = [$so_far[0] + 1, $so_far[1] + $e.price])
            | to_entries[] | {user_id: .key, events: .value[0], spent: .value[1]}' $DATA/events/*.json > $OUT""",
        mlr=r"""mlr --ijsonl --ojsonl stats1 -a count,sum -f price -g user_id \
            then rename price_count,events,price_sum,spent $DATA/events/*.json > $OUT""",
        columns={"user_id": "VARCHAR", "events": "BIGINT", "spent": "DOUBLE"},
        check="user_id, events, round(spent, 3)",
    ),
    Workload(
        name="cardinality",
        what="as many groups as events",
        st=f"""{TAIL}/events |
            st-agg -q --by event_id --mode complete --agg 'count(*) as events, sum(price) as spent' | {SINK}""",
        duckdb=f"""select event_id, count(*) as events, sum(price) as spent from {events("event_id", "price")} group by all""",
        spark=f"""{spark_json("events")}.groupBy("event_id")
            .agg(F.count("*").alias("events"), F.sum("price").alias("spent"))""",
        mode="complete",
        columns={"event_id": "VARCHAR", "events": "BIGINT", "spent": "DOUBLE"},
        check="event_id, events, round(spent, 3)",
    ),
    Workload(
        name="wordcount",
        what="the words of lines of text",
        st=f"""{TAIL}/words |
            st-map -q --select 'explode(split(value, " ")) as word' |
            st-agg -q --by word --mode complete | {SINK}""",
        duckdb="""select word, count(*) as count from (select unnest(string_split(value, ' ')) as word
            from read_csv('$DATA/words/*.txt', columns = {value: 'VARCHAR'}, header = false, delim = '\\t', quote = '', escape = ''))
            group by all""",
        spark="""spark.readStream.text(f'{DATA}/words')
            .select(F.explode(F.split("value", " ")).alias("word")).groupBy("word").count()""",
        mode="complete",
        jq=r"""jq -cnR 'reduce (inputs | splits(" ")) as $word ({}; .[$word] += 1)
            | to_entries[] | {word: .key, count: .value}' $DATA/words/*.txt > $OUT""",
        mlr=r"""mlr --inidx --ifs ' ' --ojsonl put -q 'for (k, word in $*) { @count[word] += 1 } end { emit @count, "word" }' \
            $DATA/words/*.txt > $OUT""",
        columns={"word": "VARCHAR", "count": "BIGINT"},
        check="word, count",
    ),
    Workload(
        name="sessions",
        what="visits of users that end after thirty quiet minutes",
        st=f"""{TAIL}/events |
            st-watermark -q timestamp '10 minutes' |
            st-agg -q --by 'session_window(timestamp, "30 minutes") as session, user_id' --mode append \
                --agg 'count(*) as events, sum(price) as seen' | {SINK}""",
        duckdb=f"""select {{'start': start, 'end': last + interval 30 minutes}} as session, user_id, events, seen
            from (select user_id, visit, min(timestamp) as start, max(timestamp) as last, count(*) as events, sum(price) as seen
                from (select *, sum(opens) over (partition by user_id order by timestamp rows unbounded preceding) as visit
                    from (select user_id, timestamp, price, coalesce(timestamp >
                            lag(timestamp) over (partition by user_id order by timestamp) + interval 30 minutes, true)::int as opens
                        from {events("user_id", "timestamp", "price")}))
                group by user_id, visit)""",
        spark=f"""{spark_json("events")}.withWatermark("timestamp", "10 minutes")
            .groupBy(F.session_window("timestamp", "30 minutes").alias("session"), "user_id")
            .agg(F.count("*").alias("events"), F.sum("price").alias("seen"))""",
        columns={"session": WINDOW, "user_id": "VARCHAR", "events": "BIGINT", "seen": "DOUBLE"},
        check="session, user_id, events, round(seen, 3)",
        closed=f'session."end" <= {MARK}',
    ),
    Workload(
        name="dedup",
        what="the first event of each of 781,000 sessions",
        st=f"""{TAIL}/events | st-dedup -q --by session_id --forever | st-map -q --select session_id | {SINK}""",
        duckdb=f"select distinct session_id from {events('session_id')}",
        spark=f"""{spark_json("events")}.dropDuplicates(["session_id"]).select("session_id")""",
        jq=r"""jq -cn 'reduce inputs as $e ({}; .[$e.session_id] = 1) | keys_unsorted[] | {session_id: .}' $DATA/events/*.json > $OUT""",
        mlr="mlr --ijsonl --ojsonl head -n 1 -g session_id then cut -f session_id $DATA/events/*.json > $OUT",
        columns={"session_id": "VARCHAR"},
        check="session_id",
    ),
    Workload(
        name="join",
        what="purchases within half an hour after the same user's view: two streams",
        st=f"""{TAIL}/events | st-map -q --where 'event_type = "view"' | st-watermark -q timestamp '10 minutes' |
            st-join -q <(st-tail -q --name right --available-now --checkpoint $CK $DATA/events |
                    st-map -q --name bought --where 'event_type = "purchase"' | st-watermark -q --name right-watermark timestamp '10 minutes') \
                --on 'l.user_id = r.user_id and r.timestamp between l.timestamp and l.timestamp + interval 30 minutes' \
                --select 'l.event_id as seen, r.event_id as bought' | {SINK}""",
        duckdb=f"""select l.event_id as seen, r.event_id as bought
            from {events("event_id", "timestamp", "user_id", "event_type")} l
            join {events("event_id", "timestamp", "user_id", "event_type")} r
                on l.user_id = r.user_id and r.timestamp between l.timestamp and l.timestamp + interval 30 minutes
            where l.event_type = 'view' and r.event_type = 'purchase'""",
        spark=f"""{spark_json("events")}.where("event_type = 'view'").withWatermark("timestamp", "10 minutes").alias("l")
            .join({spark_json("events")}.where("event_type = 'purchase'").withWatermark("timestamp", "10 minutes").alias("r"),
                F.expr("l.user_id = r.user_id and r.timestamp between l.timestamp and l.timestamp + interval 30 minutes"))
            .select(F.expr("l.event_id as seen"), F.expr("r.event_id as bought"))""",
        columns={"seen": "VARCHAR", "bought": "VARCHAR"},
        check="seen, bought",
    ),
]
