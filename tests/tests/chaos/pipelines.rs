//! The pipelines that are killed. To add one is to add an entry to [`ALL`]:
//!
//! - `line`: bash. Each stage runs behind `$S1`, `$S2`, … (in the branches of a tee too), through which the harness gives it
//!   its fail points; the source has `--checkpoint ck -q`, and a live one `${LAST:-…}`, which ends it. Targets lie below `to`.
//! - `input`: what [`Input`] makes: `events/*.json` (and `others/*.json` beside them, for a second source), a watched folder,
//!   logs, a socket (`$PORT`). Every input numbers its events by `n`; each pipeline of a live one delivers all of them
//!   in `to/out.json` or as JSON files below `to/rows`, where they are counted.
//! - `result`: prints all that was delivered, side files included, in an order that does not depend on the run.
//! - `timed`: batches, or values in them, depend on time, so that only a replay of the recorded batches is comparable.
//!
//! The steps at which a stage can be killed need no list: an uninterrupted run tells which it passes.

use super::feeder::Input;

/// A query, its input, and how its result is seen.
pub struct Pipeline {
    pub name: &'static str,
    pub input: Input,
    pub line: &'static str,
    /// Prints all that was delivered, side files included.
    pub result: &'static str,
    /// Batches, or values in them, depend on time: only a replay of the recorded batches is comparable.
    pub timed: bool,
}

impl Pipeline {
    /// How many stages its line has.
    pub fn stages(&self) -> usize {
        let is_in = |stage: &usize| self.line.contains(&format!("$S{stage} "));
        (1..).take_while(is_in).count()
    }
}

const FILES: &str = "find to | sort; find to -type f ! -name '.*' | sort | while read -r f; do echo \"== $f\"; cat \"$f\"; done; cat ck/rejects/*";
const PARQUET: &str =
    "find to | sort; find to -type f ! -name '.*' | sort | xargs sha256sum; cat ck/rejects/*";

pub const ALL: &[Pipeline] = &[
    Pipeline {
        name: "sliding windows, append, JSON folder",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '30 seconds' -q |
          $S3 st-agg --by 'window(ts, "1 minute", "30 seconds") as window, kind' --agg 'count(*) as n, sum(n) as total' --mode append -q |
          $S4 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "update mode into SQLite",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '30 seconds' -q |
          $S3 st-agg --by 'window(ts, "1 minute") as window, kind' --agg 'count(*) as n, avg(n) as mean' -q |
          $S4 st-sink sqlite to/out.db --table t -q"#,
        result: "sqlite3 to/out.db 'select * from t order by window_start, kind'; cat ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "rows appended to SQLite",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 2 --checkpoint ck -q |
          $S2 st-map --where 'n % 3 <> 0' --else else.json --set 'r = rand()' -q |
          $S3 st-sink sqlite to/out.db --table t -q"#,
        result: "sqlite3 to/out.db 'select ts, kind, n, r from t order by n'; cat else.json ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "complete mode, one file replaced",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-agg --by kind --agg 'count(*) as n, avg(n) as mean, max(ts) as latest' --mode complete --order-by 'n desc, kind' -q |
          $S3 st-sink json --file to/top.json -q"#,
        result: "find to | sort; cat to/top.json ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "partitioned Parquet",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '30 seconds' -q |
          $S3 st-agg --by 'window(ts, "1 minute") as window, kind' --mode append -q |
          $S4 st-sink parquet to/out --partition-by kind -q"#,
        result: PARQUET,
        timed: false,
    },
    Pipeline {
        name: "one CSV file that grows",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --multi-line --max-rows-per-trigger 7 --checkpoint ck -q |
          $S2 st-map --where 'n % 2 = 0' --set 'r = rand(), u = uuid()' -q |
          $S3 st-window ts '1 minute' -q |
          $S4 st-sink csv --file to/out.csv -q"#,
        result: "find to | sort; cat to/out.csv ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "a command for each batch",
        input: Input::Files,
        // The command of a killed sink may still run when the next one runs it again.
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-map --set 'r = rand(), now = cast(null as string)' -q |
          $S3 st-sink exec 'cat > to/.$ST_BATCH_ID.$$ && mv to/.$ST_BATCH_ID.$$ to/$ST_BATCH_ID' -q"#,
        result: "for f in $(ls to | sort -n); do echo \"== $f\"; cat \"to/$f\"; done; cat ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "three branches of different speed",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-tee \
            'fast=$S3 st-map --where "kind = \"a\"" -q | $S4 st-sink json to/out -q' \
            'slow=$S5 st-map --through "sleep 0.02; cat" -q | $S6 st-agg --by kind -q | $S7 st-sink sqlite to/out.db --table t -q' \
            'slower=$S8 st-map --through "sleep 0.05; cat" -q | $S9 st-sink json --file to/all.json -q'"#,
        result: "find to ! -name '.*' | sort; cat to/out/*; sqlite3 to/out.db 'select * from t order by kind'; cat to/all.json ck/rejects/*",
        timed: false,
    },
    Pipeline {
        name: "two chained aggregations",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '10 seconds' -q |
          $S3 st-agg --by 'window(ts, "30 seconds") as window, kind' --agg 'sum(n) as total' --mode append -q |
          $S4 st-agg --by 'window(window_time(window), "2 minutes") as wide' --agg 'sum(total) as total, count(*) as parts' --mode append -q |
          $S5 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "duplicates within the watermark, with the time, whole rows",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '40 seconds' -q |
          $S3 st-dedup --by kind --within-watermark -q |
          $S4 st-dedup --by 'ts, kind' -q |
          $S5 st-dedup -q |
          $S6 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "state per key with timers, in jq",
        input: Input::Files,
        line: r#"$S1 st-tail events/*.json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '10 seconds' -q |
          $S3 st-fold --by kind --update '.n += 1 | .mean = ((.mean // 0) + $row.n) / 2 | timer($time + 20) | emit($key + {n, mean})'             --on-timer 'emit($key + {at: $time | iso, n}) | if .n > 9 then empty else . end' -q |
          $S4 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "growing, rotated files followed",
        input: Input::Log,
        line: r#"$S1 st-tail -f 'logs/app*' --format json ${LAST:---trigger 10ms} --checkpoint ck -q |
          $S2 st-map --set 'r = rand(), now = current_timestamp()' -q |
          $S3 st-sink json --file to/out.json -q"#,
        result: "find to | sort; cat to/out.json ck/rejects/*",
        timed: true,
    },
    Pipeline {
        name: "one path followed, renamed and cut",
        input: Input::Rotated,
        line: r#"$S1 st-tail -f logs/app.log --format json ${LAST:---trigger 10ms} --checkpoint ck -q |
          $S2 st-map --set 'r = rand(), now = current_timestamp()' -q |
          $S3 st-tee \
            'all=$S4 st-sink json --file to/out.json -q' \
            'even=$S5 st-map --where "n % 2 = 0" -q | $S6 st-sink csv --file to/even.csv -q'"#,
        result: "find to | sort; cat to/out.json to/even.csv ck/rejects/*",
        timed: true,
    },
    Pipeline {
        name: "a socket with its spool",
        input: Input::Socket,
        line: r#"$S1 st-listen 127.0.0.1:$PORT --format json ${LAST:---trigger 10ms} --checkpoint ck -q |
          $S2 st-watermark ts '5 seconds' -q |
          $S3 st-tee \
            'rows=$S4 st-sink json --file to/out.json -q' \
            'windows=$S5 st-agg --by "window(ts, \"10 seconds\") as window" --mode append -q | $S6 st-sink json to/out -q'"#,
        result: "find to ! -name '.*' | sort; cat to/out.json to/out/* ck/rejects/*",
        timed: true,
    },
    Pipeline {
        name: "chance, clock, idle time-out before branches",
        input: Input::Folder,
        line: r#"$S1 st-tail events --heartbeat 20ms --max-files-per-trigger 1 ${LAST:-} --checkpoint ck -q |
          $S2 st-map --set 'r = rand(), u = uuid(), now = current_timestamp()' -q |
          $S3 st-watermark ts '30 seconds' --idle-timeout 30ms -q |
          $S4 st-tee \
            'rows=$S5 st-sink json to/rows -q' \
            'windows=$S6 st-agg --by "window(ts, \"1 minute\") as window" --agg "count(*) as n, sum(r) as r" --mode append -q | $S7 st-sink json --file to/windows.json -q'"#,
        result: "find to ! -name '.*' | sort; find to/rows -name '*.json' | sort | xargs cat; cat to/windows.json ck/rejects/*",
        timed: true,
    },
    Pipeline {
        name: "a union of two streams, windows over both",
        input: Input::Files,
        line: r#"$S1 st-tail events/*[0-6].json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '30 seconds' -q |
          $S3 st-union -q <($S4 st-tail events/*[7-9].json --max-files-per-trigger 1 --checkpoint ck --branch r -q |
            $S5 st-watermark ts '2 minutes' -q) |
          $S6 st-agg --by 'window(ts, "1 minute") as window, kind' --agg 'count(*) as n, sum(n) as total' --mode append -q |
          $S7 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "a union of a busy folder and a silent one",
        input: Input::Folder,
        line: r#"$S1 st-tail events --checkpoint ck $LAST -q |
          $S2 st-union -q <(mkdir -p nowhere; exec $S3 st-tail nowhere --checkpoint ck --branch r $LAST -q) |
          $S4 st-map --set 'at = current_timestamp()' -q |
          $S5 st-sink json to/rows -q"#,
        result: "find to/rows -name '*.json' | sort | xargs cat; cat ck/rejects/*",
        timed: true,
    },
    Pipeline {
        name: "two streams joined, rows without a match too",
        input: Input::Files,
        line: r#"$S1 st-tail events/*[0-6].json --max-files-per-trigger 1 --checkpoint ck -q |
          $S2 st-watermark ts '30 seconds' -q |
          $S3 st-join -q <($S4 st-tail events/*[7-9].json --max-files-per-trigger 1 --checkpoint ck --branch r -q |
            $S5 st-watermark ts '2 minutes' -q) --how full \
            --on 'l.kind = r.kind and l.n % 5 = r.n % 5 and r.ts between l.ts - interval 10 minutes and l.ts + interval 12 minutes' \
            --select 'coalesce(l.ts, r.ts) as ts, l.n, r.n as other, rand() as chance' |
          $S6 st-sink json to/out -q"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        // The second run finds more that can be forgotten than is kept.
        name: "a table, in two runs",
        input: Input::Files,
        line: r#"[ -e t.csv ] || { printf 'kind,v\na,1\nb,2\nc,3\n' > t.part && mv t.part t.csv; }
          for files in "events/*[0-6].json" "events/*.json"; do
            $S1 st-tail $files --max-files-per-trigger 1 --checkpoint ck -q |
              $S2 st-join t.csv --how left --using kind -q |
              $S3 st-sink json to/out -q || exit
          done"#,
        result: FILES,
        timed: false,
    },
    Pipeline {
        name: "a table that changes before every run, and there are two",
        input: Input::Files,
        line: r#"[ -e t.csv ] || { printf 'kind,v\na,1\nb,2\nc,3\n' > t.part && mv t.part t.csv; }
          for files in "events/*[0-6].json" "events/*.json"; do
            echo "a,$RANDOM" >> t.csv
            $S1 st-tail $files --max-files-per-trigger 1 --checkpoint ck -q |
              $S2 st-join t.csv --how left --using kind -q |
              $S3 st-sink json to/out -q || exit
          done"#,
        result: FILES,
        timed: true,
    },
];
