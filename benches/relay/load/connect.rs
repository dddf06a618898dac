//! Clients that connect, authenticate, leave, and start again.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::Result;
use futures_util::future::try_join_all;

use super::client::{self, Introduction};
use super::incoming::Incoming;
use super::measure::{Tasks, cpu_per_event};
use super::{Moment, Order, Sample};

/// Users, each with a token of its own, that the clients take turns to be: no server can answer from the last token.
const USERS_PER_CLIENT: u32 = 512;
/// The same where connects are counted. A server is slow then, and they are so few that each comes back before the others
/// take note that they left.
const COUNTED_USERS_PER_CLIENT: u32 = 16;

/// How often each of them comes before connects are counted.
const WARM_UP_TURNS: usize = 4;

pub(super) async fn run(order: &Order, clients: u32) -> Result<Sample> {
    let connections = Rc::new(Cell::new(0));
    let order = Rc::new(order.clone());
    let mut tasks = Tasks::new();
    for client in 0..clients {
        tasks.spawn_local(come_and_go(
            Rc::clone(&order),
            users(&order, client, USERS_PER_CLIENT)?,
            Rc::clone(&connections),
        ));
    }
    cpu_per_event(&order, &connections, &mut tasks).await
}

/// All users of the clients come and go a few times, and then as many of them as are `counted`. `at` is called before and after the
/// latter. How many were counted: as many for each client.
pub(super) async fn count(
    order: &Order,
    clients: u32,
    counted: u64,
    mut at: impl FnMut(Moment) -> Result<()>,
) -> Result<u64> {
    let each = counted.div_ceil(u64::from(clients));
    let users = (0..clients).map(|client| users(order, client, COUNTED_USERS_PER_CLIENT));
    let users = users.collect::<Result<Vec<_>>>()?;
    let come_and_go = async |most: usize| {
        let turns = users.iter().map(async |users| {
            for introduction in users.iter().cycle().take(most) {
                come(order, introduction).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
        try_join_all(turns).await.map(drop)
    };
    come_and_go(WARM_UP_TURNS * COUNTED_USERS_PER_CLIENT as usize).await?;
    at(Moment::Begin)?;
    come_and_go(usize::try_from(each)?).await?;
    at(Moment::End)?;
    Ok(each * u64::from(clients))
}

fn users(order: &Order, client: u32, count: u32) -> Result<Vec<Introduction>> {
    (0..count)
        .map(|user| Introduction::new(order, &format!("user-{client}-{user}")))
        .collect()
}

async fn come_and_go(
    order: Rc<Order>,
    users: Vec<Introduction>,
    connections: Rc<Cell<u64>>,
) -> Result<()> {
    for introduction in users.iter().cycle() {
        come(&order, introduction).await?;
        connections.update(|all| all + 1);
    }
    Ok(())
}

/// Connects, authenticates and leaves.
async fn come(order: &Order, introduction: &Introduction) -> Result<()> {
    let (mut listener, mut speaker) = client::connect(order, introduction).await?;
    speaker.leave().await?;
    listener.wait_for(Incoming::Closed).await
}
