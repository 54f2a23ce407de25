//! What the fuzz targets of xt/fuzz found worth keeping holds here too.

#[path = "../xt/fuzz/properties/control_messages.rs"]
mod control_messages;
#[path = "../xt/fuzz/properties/front.rs"]
mod front;
#[path = "../xt/fuzz/properties/receive.rs"]
mod receive;

use std::fs;
use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("xt/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("the corpus");
    let inputs = entries.map(|entry| entry.expect("an entry").path()).inspect(|path| {
        eprintln!("{}", path.display());
        check(&fs::read(path).expect("an input"));
    });
    assert_ne!(inputs.count(), 0);
}

#[test]
fn of_the_message_parser() {
    replay("front", front::check);
}

#[test]
fn of_the_walk_over_control_messages() {
    replay("control_messages", control_messages::check);
}

#[test]
fn of_receiving() {
    replay("receive", receive::check);
}
