//! The commands: made by the shared generator, the same in any language.
//!
//! Draw j of command i is `u64(seed, 8·i + j)`. A middle price starts at 1,000,000 and, every 64
//! commands, moves by −1, 0 or 1 (draw 7 mod 3, less 1). A quoted price lies 1 + (draw mod reach)
//! ticks from the middle, on the order's own side. Draw 0 mod 100 chooses the command: below 9 a
//! new order, below 12 an immediate one, below 18 a cancel, otherwise an amend. Draw 1 chooses the
//! side (odd buys) or the resting order (mod their number, in a list where the last takes the
//! place of one that leaves). Draw 2 is the price, draw 3 the size: 1 + (draw mod 100) lots. An
//! amended price equal to the old one is moved one tick away from the middle. An immediate order
//! accepts prices up to `reach` beyond the middle; it asks for 1 lot while fewer orders rest
//! than wanted, and for 150 otherwise, which keeps their number.

use numerics::SplitMix;

use super::engines::Tally;
use super::tree::Tree;

/// How many commands are timed.
const COMMANDS: u64 = 3_000_000;
/// Orders belong to so many accounts in turn.
pub const ACCOUNTS: u64 = 500;
const MIDDLE: u64 = 1_000_000;

/// How deep a book is.
pub struct Shape {
    seed: u64,
    pub orders: usize,
    /// How far from the middle orders are quoted, in ticks.
    reach: u64,
}

impl Shape {
    pub const SHALLOW: Self = Self { seed: 0x5EED_0060, orders: 700, reach: 760 };
    pub const DEEP: Self = Self { seed: 0x5EED_0061, orders: 50_000, reach: 1_650 };
}

/// One command. Names are dense, and an amend always changes the price.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    New { id: u64, buys: bool, price: u64, lots: u64 },
    Immediate { id: u64, buys: bool, price: u64, lots: u64 },
    Cancel { id: u64 },
    Amend { id: u64, buys: bool, price: u64, lots: u64 },
}

/// How many commands of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub new: u64,
    pub immediate: u64,
    pub cancel: u64,
    pub amend: u64,
}

/// What all engines are told.
pub struct Stream {
    /// New orders that fill the book before the clock starts.
    pub opening: Vec<Command>,
    pub commands: Vec<Command>,
    pub counts: Counts,
    /// One more than the greatest name.
    pub ids: u64,
    pub orders_mean: f64,
    pub orders_most: usize,
    pub levels_mean: f64,
    pub expected: Tally,
}

impl Stream {
    /// FNV-1a over the numbers of all commands.
    pub fn checksum(&self) -> u64 {
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        for command in self.opening.iter().chain(&self.commands) {
            let numbers = match *command {
                Command::New { id, buys, price, lots } => [0, id, buys.into(), price, lots],
                Command::Immediate { id, buys, price, lots } => [1, id, buys.into(), price, lots],
                Command::Cancel { id } => [2, id, 0, 0, 0],
                Command::Amend { id, buys, price, lots } => [3, id, buys.into(), price, lots],
            };
            for number in numbers {
                hash = (hash ^ number).wrapping_mul(0x0000_0100_0000_01B3);
            }
        }
        hash
    }
}

/// Makes the stream of a shape.
pub fn generate(shape: &Shape) -> Stream {
    let draws = SplitMix { seed: shape.seed };
    let opening_len = shape.orders as u64;
    let mut maker = Maker {
        shape,
        draws,
        tree: Tree::new(opening_len + COMMANDS + 1),
        resting: Vec::new(),
        places: vec![0; (opening_len + COMMANDS + 1) as usize],
        next_id: 1,
        middle: MIDDLE,
    };
    let opening: Vec<Command> = (0..opening_len).map(|index| maker.opening(index)).collect();
    let (mut commands, mut counts) = (Vec::with_capacity(COMMANDS as usize), Counts::default());
    let (mut orders, mut levels, mut orders_most) = (0, 0, 0);
    for index in opening_len..opening_len + COMMANDS {
        commands.push(maker.command(index, &mut counts));
        orders += maker.resting.len();
        levels += maker.tree.levels();
        orders_most = orders_most.max(maker.resting.len());
    }
    Stream {
        opening,
        commands,
        counts,
        ids: maker.next_id,
        orders_mean: orders as f64 / COMMANDS as f64,
        orders_most,
        levels_mean: levels as f64 / COMMANDS as f64,
        expected: maker.tree.tally,
    }
}

struct Maker<'a> {
    shape: &'a Shape,
    draws: SplitMix,
    tree: Tree,
    /// Names of resting orders, and the place of each name among them.
    resting: Vec<u64>,
    places: Vec<usize>,
    next_id: u64,
    middle: u64,
}

impl Maker<'_> {
    fn opening(&mut self, index: u64) -> Command {
        let command = self.new_order(index);
        self.tell(command)
    }

    fn command(&mut self, index: u64, counts: &mut Counts) -> Command {
        if index.is_multiple_of(64) {
            self.middle = self.middle + self.draw(index, 7) % 3 - 1;
        }
        let command = match self.draw(index, 0) % 100 {
            _ if self.resting.is_empty() => self.new_order(index),
            0..9 => self.new_order(index),
            9..12 => self.immediate(index),
            12..18 => Command::Cancel { id: self.one_resting(index) },
            _ => self.amend(index),
        };
        *match command {
            Command::New { .. } => &mut counts.new,
            Command::Immediate { .. } => &mut counts.immediate,
            Command::Cancel { .. } => &mut counts.cancel,
            Command::Amend { .. } => &mut counts.amend,
        } += 1;
        self.tell(command)
    }

    fn new_order(&mut self, index: u64) -> Command {
        let buys = self.draw(index, 1) % 2 == 1;
        let id = self.name();
        Command::New { id, buys, price: self.quote(index, buys), lots: self.lots(index) }
    }

    fn immediate(&mut self, index: u64) -> Command {
        let (buys, reach) = (self.draw(index, 1) % 2 == 1, self.shape.reach);
        let price = if buys { self.middle + reach } else { self.middle - reach };
        let lots = if self.resting.len() < self.shape.orders { 1 } else { 150 };
        Command::Immediate { id: self.name(), buys, price, lots }
    }

    fn amend(&mut self, index: u64) -> Command {
        let id = self.one_resting(index);
        let (buys, old) = self.tree.terms(id);
        let mut price = self.quote(index, buys);
        if price == old {
            price = if buys { price - 1 } else { price + 1 };
        }
        Command::Amend { id, buys, price, lots: self.lots(index) }
    }

    fn draw(&self, index: u64, draw: u64) -> u64 {
        self.draws.u64(8 * index + draw)
    }

    fn name(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn one_resting(&self, index: u64) -> u64 {
        self.resting[(self.draw(index, 1) % self.resting.len() as u64) as usize]
    }

    fn quote(&self, index: u64, buys: bool) -> u64 {
        let away = 1 + self.draw(index, 2) % self.shape.reach;
        if buys { self.middle - away } else { self.middle + away }
    }

    fn lots(&self, index: u64) -> u64 {
        1 + self.draw(index, 3) % 100
    }

    /// Runs the command in the generator's own book and keeps the list of what rests.
    fn tell(&mut self, command: Command) -> Command {
        self.tree.apply(&command);
        for place in 0..self.tree.filled.len() {
            self.drop_name(self.tree.filled[place]);
        }
        match command {
            Command::New { id, .. } if self.tree.rests(id) => {
                self.places[id as usize] = self.resting.len();
                self.resting.push(id);
            }
            Command::Cancel { id } => self.drop_name(id),
            Command::Amend { id, .. } if !self.tree.rests(id) => self.drop_name(id),
            _ => {}
        }
        command
    }

    fn drop_name(&mut self, id: u64) {
        let place = self.places[id as usize];
        self.resting.swap_remove(place);
        if let Some(&moved) = self.resting.get(place) {
            self.places[moved as usize] = place;
        }
    }
}
