//! Instructions of a message that is stored, as the rows `stored` and `stored-busy` send them.

use anyhow::Result;

use super::{Count, out_file, print_counts, valgrind};
use crate::load::{self, Moment, Order};
use crate::row::{Row, Sizes};
use crate::server::{Kind, Running, Stage};
use crate::work::Work;

/// Before counting starts, in each conversation.
const WARM_UP: u64 = 20;

/// Counts about so many messages in each of the two rows.
pub(super) fn run(messages: u64, stage: &mut Stage) -> Result<()> {
    let sizes = Sizes::default();
    let each = messages.div_ceil(u64::from(sizes.conversations));
    let counted = each * u64::from(sizes.conversations);
    let mut counts = Vec::new();
    for row in [Row::Stored, Row::StoredBusy] {
        let Work::Stored(work) = row.work(&sizes) else {
            continue;
        };
        let in_flight = format!("{} × {}", work.conversations, work.senders);
        eprintln!("counting {counted} stored messages, {in_flight} under way …");
        let out = out_file(&format!("callgrind.out.{}", row.name()))?;
        valgrind::wrap(stage, &out)?;
        let server = Running::start(Kind::Relay, row, stage)?;
        let order = Order::at_once(&server);
        load::count_stored(&order, work, (WARM_UP, each), |moment| {
            server.wait_until_at_rest()?;
            match moment {
                Moment::Begin => valgrind::begin(&server),
                Moment::End => valgrind::end(&server),
            }
        })?;
        counts.push(Count::read(&out, 1, in_flight)?);
    }
    println!("Instructions per stored message to ten, without the kernel's:\n");
    print_counts(&counts, counted);
    Ok(())
}
