#![allow(clippy::unwrap_used)]
//! What st-ui answers, and to whom.

mod site;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use serde_json::json;
use site::{Site, broken, command, shop};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    broken(folder.path());
    folder
}

#[test]
fn queries_are_told_as_json() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    let all = site.get("/api/queries").json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(
        (
            &all[0]["name"],
            &all[0]["status"],
            &all[0]["error"]["error"]
        ),
        (
            &json!("broken"),
            &json!("failed"),
            &json!("line 7: not JSON")
        )
    );
    assert_eq!(
        (
            &all[1]["id"],
            &all[1]["status"],
            &all[1]["batchId"],
            &all[1]["inputRowsPerSecond"]
        ),
        (&json!("q-1"), &json!("stopped"), &json!(2), &json!(200.0))
    );
    let one = site.get("/api/queries/q-1").json();
    assert_eq!(one["sinks"][0]["columns"], json!(["category", "total"]));
    assert_eq!(one["sinks"][0]["plan"][1]["name"], "st-agg");
    assert_eq!(
        one["sinks"][0]["last"]["st"]["stages"][1]["state"]["rows"],
        31
    );
    let newer = site
        .get("/api/queries/q-1/progress?sink=st-sink&after=0")
        .json();
    let batches: Vec<_> = newer
        .as_array()
        .unwrap()
        .iter()
        .map(|report| &report["batchId"])
        .collect();
    assert_eq!(batches, [1, 2]);
    assert_eq!(
        site.get("/api/queries/q-1/progress")
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(site.get("/api/queries/q-1/progress?sink=other").status, 404);
}

#[test]
fn a_list_of_queries_comes_as_an_event() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    let lines = BufReader::new(site.send("GET /api/events", &["Host: localhost"], "")).lines();
    let data = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with("data: "))
        .unwrap();
    assert!(
        data.contains(r#""name":"revenue""#) && data.contains("not JSON"),
        "{data}"
    );
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    for (path, kind) in [
        ("/", "text/html"),
        ("/app.js", "text/javascript"),
        ("/charts.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let file = site.get(path);
        assert_eq!(file.status, 200, "{path}");
        assert!(
            file.head.contains(&format!("Content-Type: {kind}")),
            "{}",
            file.head
        );
        assert!(
            file.head.contains("script-src 'self'") && file.head.contains("nosniff"),
            "{}",
            file.head
        );
        let elsewhere = file.body.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !elsewhere.contains("http:") && !elsewhere.contains("https:"),
            "{path}"
        );
        // Values of rows must have no way to become markup.
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!file.body.contains(way), "{path}: {way}");
        }
    }
}

#[test]
fn paths_lead_nowhere_else() {
    let folder = folder();
    std::fs::write(folder.path().join("secret"), "s3cret").unwrap();
    let site = Site::start(folder.path(), &["ck"]);
    for path in [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/..%5csecret",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/page/index.html",
        "/api/queries/..%2f..%2fsecret",
        "/api/queries/../q-1/x",
        "/api/queries/revenue",
        "/api/queries/q-1%00",
        "/api/queries/q-1/progress?sink=../../metadata",
        "/api/queries/q-1/sql",
        "/api",
        "/api/queries/%ff",
    ] {
        let answer = site.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(
            !answer.body.contains("s3cret") && !answer.body.contains("root:"),
            "{path}"
        );
    }
}

#[test]
fn pages_of_others_are_refused() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    for host in [
        "Host: evil.example",
        "Host: localhost.evil.example:4040",
        "X-Host: localhost",
    ] {
        assert_eq!(
            site.ask("GET /api/queries", &[host], "").status,
            403,
            "{host}"
        );
    }
    assert_eq!(
        site.ask("GET /api/queries", &["Host: 127.0.0.1:4040"], "")
            .status,
        200
    );
    let body = r#"{"sql":"SELECT 1"}"#;
    let kind = "Content-Type: application/json";
    let sql = "POST /api/queries/q-1/sql";
    let foreign = ["Host: localhost", "Origin: http://evil.example", kind];
    assert_eq!(site.ask(sql, &foreign, body).status, 403);
    assert_eq!(
        site.ask(sql, &["Host: localhost", "Origin: null", kind], body)
            .status,
        403
    );
    assert_eq!(
        site.ask(sql, &["Host: localhost", "Content-Type: text/plain"], body)
            .status,
        415
    );
    assert_eq!(
        site.ask(
            sql,
            &["Host: localhost", "Origin: http://localhost", kind],
            body
        )
        .status,
        200
    );
    assert_eq!(
        site.ask("DELETE /api/queries/q-1", &["Host: localhost"], "")
            .status,
        405
    );
}

#[test]
fn a_token_opens_the_page_to_those_who_have_it() {
    let folder = folder();
    std::fs::write(folder.path().join("token"), "correct-horse\n").unwrap();
    let site = Site::start(folder.path(), &["ck", "--token-file", "token"]);
    let refused = site.get("/api/queries");
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("revenue"));
    assert_eq!(site.get("/?token=correct-hors").status, 401);
    assert_eq!(site.get("/metrics").status, 401);
    let known = site.get("/?token=correct-horse");
    assert_eq!(known.status, 303);
    assert!(
        known
            .head
            .contains("Set-Cookie: st-token=correct-horse; HttpOnly; SameSite=Strict"),
        "{}",
        known.head
    );
    for header in [
        "Cookie: st-token=correct-horse",
        "Authorization: Bearer correct-horse",
    ] {
        assert_eq!(
            site.ask("GET /api/queries", &["Host: localhost", header], "")
                .status,
            200,
            "{header}"
        );
    }
}

#[test]
fn sql_reads_and_nothing_else() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    let found = site.sql("SELECT category, total FROM revenue ORDER BY total DESC");
    assert_eq!(
        found.json()["rows"],
        json!([["books", 12.5], ["<img src=x onerror=alert(1)>", null]])
    );
    for question in [
        "DELETE FROM revenue",
        "DROP TABLE revenue",
        "ATTACH 'other.db' AS o",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('x')",
        "SELECT * FROM nowhere",
        "",
        "SELECT 1; DELETE FROM revenue",
        "SELECT readfile('/etc/passwd')",
    ] {
        let answer = site.sql(question);
        assert_eq!(answer.status, 400, "{question}: {}", answer.body);
        assert!(
            !answer.json()["error"].as_str().unwrap().contains('\n'),
            "{question}"
        );
    }
    let many = site
        .sql("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r")
        .json();
    assert_eq!(
        (many["rows"].as_array().unwrap().len(), &many["more"]),
        (1000, &json!(true))
    );
    assert_eq!(
        site.sql("SELECT count(*) FROM revenue").json()["rows"],
        json!([[2]])
    );
    assert!(!folder.path().join("other.db").exists());
}

#[test]
fn every_figure_of_the_documentation_is_exported() {
    let folder = folder();
    let site = Site::start(folder.path(), &["ck"]);
    let figures = site.get("/metrics").body;
    let page = include_str!("../../../docs/MONITORING.md");
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `st_")?.split('`').next())
        .collect();
    assert!(named.len() >= 14, "{named:?}");
    for name in named {
        assert!(
            figures.contains(&format!("\n# TYPE st_{name} "))
                || figures.starts_with(&format!("# HELP st_{name} ")),
            "st_{name}"
        );
    }
    // By hand from the reports: rows since the run began, seconds, 900 of 1000 ms.
    for line in [
        r#"st_query_up{query="revenue",id="q-1"} 0"#,
        r#"st_query_failed{query="broken",id="q-2"} 1"#,
        r#"st_query_rows_total{query="revenue",id="q-1",sink="st-sink",kind="in"} 6000"#,
        r#"st_query_batch_duration_seconds{query="revenue",id="q-1",sink="st-sink"} 1.5"#,
        r#"st_query_latency_seconds{query="revenue",id="q-1",sink="st-sink",quantile="0.95"} 0.046"#,
        r#"st_query_watermark_lag_seconds{query="revenue",id="q-1",sink="st-sink"} 620"#,
        r#"st_stage_busy_ratio{query="revenue",id="q-1",sink="st-sink",stage="st-agg"} 0.9"#,
        r#"st_stage_state_bytes{query="revenue",id="q-1",sink="st-sink",stage="st-agg"} 18480"#,
    ] {
        assert!(
            figures.lines().any(|found| found == line),
            "{line}\n{figures}"
        );
    }
}

/// A damaged checkpoint is one of the list, with the reason; its id is its path.
#[test]
fn a_query_that_cannot_be_read_is_shown() {
    let folder = folder();
    std::fs::write(folder.path().join("ck/revenue/metadata"), "{").unwrap();
    let site = Site::start(folder.path(), &["ck"]);
    let all = site.get("/api/queries").json();
    let place = folder.path().canonicalize().unwrap().join("ck/revenue");
    assert_eq!(
        (&all[1]["name"], &all[1]["status"], &all[1]["id"]),
        (
            &json!("revenue"),
            &json!("unreadable"),
            &json!(place.display().to_string())
        )
    );
    let error = all[1]["error"]["error"].as_str().unwrap();
    assert!(
        error.contains("metadata: not a checkpoint's metadata"),
        "{error}"
    );
    let id = place.display().to_string().replace('/', "%2F");
    let one = site.get(&format!("/api/queries/{id}")).json();
    assert_eq!(one["error"], all[1]["error"]);
    let figures = site.get("/metrics").body;
    let failed = format!(
        r#"st_query_failed{{query="revenue",id="{}"}} 1"#,
        place.display()
    );
    assert!(figures.lines().any(|line| line == failed), "{figures}");
}

/// What is decided, and no token.
#[test]
fn verbose_tells_what_is_found_and_who_is_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("token"), "correct-horse\n").unwrap();
    let refused = [
        "st-ui: answers who asks by a name of this machine; ",
        "st-ui: found broken: failed: no lock is held; ",
        "st-ui: found revenue: stopped: no lock is held; st-sink delivered batch 2; ",
        "st-ui: GET \"/api/queries\", host \"evil.example\": 403, the page is not known by that name: use localhost\n",
        "st-ui: GET \"/../x\\n\", host \"localhost\": 404, there is nothing here\n",
    ];
    let said = Site::start(folder.path(), &["ck", "-v"]).said_after(|site| {
        site.ask("GET /api/queries", &["Host: evil.example"], "");
        site.get("/../x%0a");
        site.get("/api/queries");
    });
    for wanted in refused {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("200"), "{said}");
    let said =
        Site::start(folder.path(), &["ck", "-vv", "--token-file", "token"]).said_after(|site| {
            site.get("/?token=correct-horse");
            site.get("/?token=other-horse");
        });
    for wanted in [
        "st-ui: answers who has the token; ",
        "st-ui: GET \"/\": 303\n",
        "st-ui: GET \"/\", host \"localhost\": 401, a token is needed: ",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("horse"), "{said}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(folder.path().join("short"), "x").unwrap();
    for (arguments, status, said) in [
        (vec!["ck", "--port", &port], 1, format!("st-ui: port {port}: another program listens there: --port 0 takes a free one\n")),
        (vec!["nowhere"], 1, "st-ui: nowhere: cannot be listed: No such file or directory (os error 2)\n".to_string()),
        (vec!["ck", "--bind", "0.0.0.0"], 2, "st-ui: --bind 0.0.0.0: others could reach the page: --token-file FILE says what they must know\n".to_string()),
        (vec!["ck", "--token-file", "short"], 1, "st-ui: short: a token is at least 8 letters and digits: head -c 24 /dev/urandom | basenc --base64url >FILE\n".to_string()),
    ] {
        let ran = command(folder.path()).args(&arguments).output().unwrap();
        assert_eq!((String::from_utf8(ran.stderr).unwrap(), ran.status.code()), (said, Some(status)), "{arguments:?}");
    }
}
