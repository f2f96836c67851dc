//! Lists through slots: each slot knows its neighbours, and whoever owns a list its two ends.

/// No slot.
pub(crate) const NIL: u32 = u32::MAX;

/// The neighbours of a slot in a list, or [`NIL`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) next: u32,
    pub(crate) previous: u32,
}

pub(crate) const NO_LINK: Link = Link { next: NIL, previous: NIL };

/// Puts a slot at the end of a list.
#[inline]
pub(crate) fn append(links: &mut [Link], head: &mut u32, tail: &mut u32, slot: u32) {
    let previous = std::mem::replace(tail, slot);
    links[slot as usize] = Link { next: NIL, previous };
    match previous {
        NIL => *head = slot,
        previous => links[previous as usize].next = slot,
    }
}

/// Takes a slot out of a list.
#[inline]
pub(crate) fn take_out(links: &mut [Link], head: &mut u32, tail: &mut u32, slot: u32) {
    let Link { next, previous } = links[slot as usize];
    match previous {
        NIL => *head = next,
        previous => links[previous as usize].next = next,
    }
    match next {
        NIL => *tail = previous,
        next => links[next as usize].previous = previous,
    }
}
