//! Clients that connect, authenticate, leave, and start again.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::Result;

use super::client::{self, Introduction};
use super::incoming::Incoming;
use super::measure::{Tasks, cpu_per_event};
use super::{Order, Sample};

/// Users, each with a token of its own, that the clients take turns to be: no server can answer from the last token.
const USERS_PER_CLIENT: u32 = 512;

pub(super) async fn run(order: &Order, clients: u32) -> Result<Sample> {
    let connections = Rc::new(Cell::new(0));
    let order = Rc::new(order.clone());
    let mut tasks = Tasks::new();
    for client in 0..clients {
        let users = (0..USERS_PER_CLIENT)
            .map(|user| Introduction::new(&order, &format!("user-{client}-{user}")));
        let users = users.collect::<Result<Vec<_>>>()?;
        tasks.spawn_local(come_and_go(
            Rc::clone(&order),
            users,
            Rc::clone(&connections),
        ));
    }
    cpu_per_event(&order, &connections, &mut tasks).await
}

async fn come_and_go(
    order: Rc<Order>,
    users: Vec<Introduction>,
    connections: Rc<Cell<u64>>,
) -> Result<()> {
    for introduction in users.iter().cycle() {
        let (mut listener, mut speaker) = client::connect(&order, introduction).await?;
        speaker.leave().await?;
        listener.wait_for(Incoming::Closed).await?;
        connections.update(|all| all + 1);
    }
    Ok(())
}
