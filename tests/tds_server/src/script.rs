//! Scripts: batches between lines that say `GO`, as every tool of SQL Server reads them.

/// The batches of a script, without the empty ones.
pub fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.lines() {
        let word = line.trim().trim_end_matches(';');
        if word.eq_ignore_ascii_case("GO") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches.retain(|batch| !batch.trim().is_empty());
    batches
}
