//! The process ends at any byte of any write, or a sync fails: in memory, with what a disk may keep
//! of it.

use journal::faulty::{Faults, Luck, Memory};

use crate::cases;
use crate::world::{Asked, Twin, open, options, script};

/// Crashes in a usual run. More are tried: how many steps a run takes depends on how commands fall
/// into batches, so some end before the step at which they were to crash.
const CRASHES: u64 = 100;
const TRIED: u64 = 2 * CRASHES;
/// Scripts that they are spread over.
const SCRIPTS: u64 = 10;

/// Lets a node run into a fault, has another one go on, and checks what it finds.
fn crash(asked: &[Asked], faults: Faults, luck: Option<Luck>) -> bool {
    let memory = Memory::new();
    memory.inject(faults);
    let mut released = Vec::new();
    let mut failed = true;
    if let Ok(world) = open(&memory, options()) {
        world.ask(asked);
        failed = world.node.close().is_err();
        assert_eq!(failed, world.fatal.lock().unwrap().is_some());
        released = std::mem::take(&mut *world.released.lock().unwrap());
    }
    let memory = match luck {
        None => memory.kill(),
        Some(luck) => memory.cut_power(luck),
    };

    // The next process: everything acknowledged is there, and the state is that of the twin.
    let world = open(&memory, options()).unwrap();
    let mut twin = Twin::of_memory(&memory);
    twin.has_all(&released);
    assert_eq!(world.node.record_hash().unwrap(), twin.hash());
    assert_eq!(world.report.damaged, [""; 0]);

    // The client sends again all of which it does not know, and then as if it knew of nothing.
    world.ask(&asked[released.len()..]);
    world.ask(asked);
    let mut state = world.node.close().unwrap();
    let mut twin = Twin::of_memory(&memory);
    twin.has_all(&released);
    twin.has_all(&world.released.lock().unwrap());
    twin.has_none_twice();
    assert_eq!(state.record_hash(), twin.hash());
    assert!(twin.replayed.report.checkpoints > 0);
    state.audit().unwrap();
    failed
}

/// Steps and syncs of a script that nothing disturbs.
fn undisturbed(asked: &[Asked]) -> u64 {
    let memory = Memory::new();
    memory.inject(Faults::default());
    let world = open(&memory, options()).unwrap();
    world.ask(asked);
    world.node.close().unwrap();
    memory.steps()
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_any_write() {
    let (mut crashes, per_script) = (0, cases(TRIED) / SCRIPTS);
    for seed in 0..SCRIPTS {
        let asked = script(seed);
        let steps = undisturbed(&asked);
        for number in 0..per_script {
            // Spread over all that is written, at odd places.
            let step = (number * steps + (seed * 7_919) % steps) / per_script;
            let faults = Faults { crash_after_steps: Some(step), ..Faults::default() };
            let luck =
                [None, Some(Luck::Nothing), Some(Luck::Everything), Some(Luck::Seed(number))]
                    [usize::try_from(number % 4).unwrap()];
            crashes += u64::from(crash(&asked, faults, luck));
        }
    }
    assert!(crashes >= cases(CRASHES), "only {crashes} crashes");
}

#[test]
fn what_was_acknowledged_survives_a_failing_sync() {
    let mut crashes = 0;
    for seed in 0..cases(4) {
        let asked = script(seed);
        for sync in 0..12 {
            let faults = Faults { failing_sync: Some(sync * 3), ..Faults::default() };
            for luck in [None, Some(Luck::Nothing), Some(Luck::Seed(sync))] {
                crashes += u64::from(crash(&asked, faults, luck));
            }
        }
    }
    assert!(crashes > 40, "only {crashes} crashes");
}

#[test]
fn what_was_acknowledged_survives_a_full_disk() {
    let asked = script(1);
    for kilobytes in [1, 33, 40, 66, 70, 100, 130] {
        let capacity_bytes = Some(kilobytes << 10);
        let faults = Faults { capacity_bytes, ..Faults::default() };
        crash(&asked, faults, None);
    }
}
