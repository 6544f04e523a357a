//! With `-v`: where was looked, and why each query is said to stand as it does.

use std::path::PathBuf;

use st_monitor::Query;
use st_stream::message::tell;

/// Tells it.
pub fn looked(folders: &[PathBuf], queries: &[Query]) {
    tell(1, "st-ps", || {
        let place = match folders {
            [] => match st_monitor::registry_folder() {
                Some(folder) => format!("in {}", folder.display()),
                None => "nowhere, since ST_RUNTIME_DIR is empty".into(),
            },
            folders => {
                let names: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
                format!("below {}", names.join(", "))
            }
        };
        format!("looked {place}: {} queries", queries.len())
    });
    for query in queries {
        let name = query.title();
        tell(1, "st-ps", || {
            format!("{name}: {}: {}", query.status.word(), query.evidence())
        });
        tell(2, "st-ps", || {
            let sinks = query.sinks.iter().filter_map(|sink| sink.run.as_ref());
            let runs = query.sources.iter().chain(sinks);
            let pids: Vec<String> = runs
                .map(|run| format!("{} {}", run.stage, run.pid))
                .collect();
            format!(
                "{name}: read from {}; run {}; processes {}",
                query.home.path().display(),
                query.run_id,
                pids.join(", ")
            )
        });
    }
}
