//! The walk over a control buffer: it stays inside, it ends, and it finds what
//! is there, also where the buffer was cut short.

use fdpasser::transport::socket::control::ControlMessages;

pub fn check(input: &[u8]) {
    stays_inside(input);
    finds_what_is_there(input);
}

/// Any bytes at all.
fn stays_inside(control: &[u8]) {
    let buffer = control.as_ptr_range();
    let (mut end, mut count) = (buffer.start, 0);
    for message in ControlMessages::new(control) {
        let data = message.data.as_ptr_range();
        assert!(end <= data.start && data.end <= buffer.end, "inside, and one after the other");
        end = data.end;
        count += 1;
    }
    assert!(count <= control.len() / header() + 1);
}

/// A buffer as the kernel would write it: for each message a level, a kind, a
/// length, and the data.  Cut where the first byte says.
fn finds_what_is_there(input: &[u8]) {
    let Some((&cut, mut recipe)) = input.split_first() else { return };
    let (mut control, mut expected) = (Vec::new(), Vec::new());
    while let [level, kind, length, rest @ ..] = recipe {
        let (data, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        expected.push((control.len(), i32::from(*level), i32::from(*kind), data));
        append(&mut control, i32::from(*level), i32::from(*kind), data);
        recipe = rest;
    }
    let cut = control.len().saturating_sub(usize::from(cut) / 2);
    let found = ControlMessages::new(&control[..cut]);
    let there = expected.iter().filter(|(start, ..)| start + header() <= cut);
    for (message, &(start, level, kind, data)) in found.zip(there.clone()) {
        let data = &data[..data.len().min(cut - start - header())];
        assert_eq!((message.level, message.kind, message.data), (level, kind, data));
    }
    assert_eq!(ControlMessages::new(&control[..cut]).count(), there.count());
}

fn header() -> usize {
    std::mem::size_of::<libc::cmsghdr>()
}

/// A length with that of the header, a level, a kind, the data; aligned; cmsg(3).
fn append(control: &mut Vec<u8>, level: i32, kind: i32, data: &[u8]) {
    control.extend((header() + data.len()).to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.extend(data);
    control.resize(control.len().next_multiple_of(std::mem::size_of::<usize>()), 0);
}
