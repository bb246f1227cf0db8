//! `schema.graphql` is what the server has.

#[test]
fn the_committed_schema_is_the_printed_one() {
    let committed = include_str!("../../schema.graphql");
    assert_eq!(committed, sms_login::graphql::sdl(), "run `cargo run -- schema > schema.graphql`");
}

#[test]
fn everything_is_described() {
    let sdl = sms_login::graphql::sdl();
    let lines: Vec<&str> = sdl.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let declares = ["type ", "input ", "enum ", "scalar "].iter().any(|keyword| line.starts_with(keyword));
        let member = line.starts_with('\t') && !line.starts_with("\t\t") && text.starts_with(char::is_alphabetic);
        let in_schema = ["\tquery: Query", "\tmutation: Mutation"].contains(line);
        let inside_description = lines[..number].iter().filter(|line| line.trim() == "\"\"\"").count() % 2 == 1;
        if (declares || member) && !inside_description && !in_schema {
            let described = number > 0 && lines[number - 1].trim() == "\"\"\"";
            assert!(described, "no description: {text}");
        }
    }
}
