//! rust_socketio, as an application uses it.
//!
//! Its options are the argument; see ../README.md for what is said.

use std::error::Error;
use std::io::{BufRead as _, stdin};
use std::time::Duration;

use rust_socketio::client::Client;
use rust_socketio::{ClientBuilder, Event, Payload, TransportType};
use serde_json::{Value, json};

const ACK_TIMEOUT: Duration = Duration::from_secs(15);

fn say(fact: &Value) {
    println!("{fact}");
}

/// The first argument of an event, if it is JSON.
fn first(payload: &Payload) -> Option<&Value> {
    match payload {
        Payload::Text(values) => values.first(),
        _ => None,
    }
}

fn received(payload: &Payload) {
    match first(payload) {
        Some(message) => {
            let (seq, text) = (&message["seq"], &message["ciphertext"]);
            say(&json!({"fact": "received", "seq": seq, "text": text}));
        }
        None => say(&json!({"fact": "received", "reason": "bytes without their object"})),
    }
}

fn connect(given: &Value) -> Result<Client, rust_socketio::Error> {
    let transport = match given["transports"].as_array().map(Vec::as_slice) {
        Some([one]) if one == "polling" => TransportType::Polling,
        Some([_]) => TransportType::Websocket,
        _ => TransportType::WebsocketUpgrade,
    };
    ClientBuilder::new(given["url"].as_str().unwrap_or_default())
        .transport_type(transport)
        .auth(json!({"token": given["token"]}))
        .reconnect_delay(200, 1000)
        .reconnect_on_disconnect(true)
        .on(Event::Connect, |_, _| say(&json!({"fact": "connected"})))
        .on(Event::Close, |_, _| say(&json!({"fact": "disconnected"})))
        .on(Event::Error, |error, _| {
            say(&json!({"fact": "refused", "reason": format!("{error:?}")}))
        })
        .on("auth:success", |_, _| say(&json!({"fact": "welcome"})))
        .on("receive_message", |payload, _| received(&payload))
        .connect()
}

fn send(client: &Client, user_id: &Value, command: &Value) -> Result<(), rust_socketio::Error> {
    let seq = command["seq"].clone();
    let Some(text) = command["text"].as_str() else {
        say(
            &json!({"fact": "unable", "seq": seq, "reason": "the client has no bytes within an object"}),
        );
        return Ok(());
    };
    let message =
        json!({"recipientId": user_id, "ciphertext": text, "iv": "i", "tag": "t", "seq": seq});
    client.emit_with_ack("send_message", message, ACK_TIMEOUT, move |payload, _| {
        // The client hands over the list of arguments as one.
        let answer = first(&payload).map(|answer| answer.get(0).unwrap_or(answer));
        let success = answer.and_then(|answer| answer.get("success"));
        say(&json!({"fact": "acknowledged", "seq": seq, "success": success}));
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let given: Value = serde_json::from_str(&std::env::args().nth(1).unwrap_or_default())?;
    let client = connect(&given)?;
    for line in stdin().lock().lines() {
        if let Err(error) = send(&client, &given["userId"], &serde_json::from_str(&line?)?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}
