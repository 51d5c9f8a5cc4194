//! Scripts: batches between lines that say `GO`, as every tool of SQL Server reads them.

/// The batches of a script, without the empty ones.
pub fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.lines() {
        let word = line.trim_end_matches([';', ' ', '\t', '\r']).trim_start();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_parts_batches_and_empty_ones_are_none() {
        assert_eq!(
            batches("SELECT 1\ngo\n\nGO\n  Go ;\nSELECT 2\nSELECT N'GO'\n"),
            ["SELECT 1\n", "SELECT 2\nSELECT N'GO'\n"]
        );
        assert!(batches("\nGO\n").is_empty());
    }
}
