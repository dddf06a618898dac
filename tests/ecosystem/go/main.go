// The Socket.IO client for Go, as an application uses it.
// Its options are the argument; see ../README.md for what is said.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/zishang520/socket.io/clients/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

type given struct {
	URL        string   `json:"url"`
	Token      string   `json:"token"`
	UserID     string   `json:"userId"`
	Transports []string `json:"transports"`
}

type command struct {
	Seq    int     `json:"seq"`
	Text   *string `json:"text"`
	Base64 string  `json:"base64"`
}

type fact map[string]any

var speaking sync.Mutex

func say(said fact) {
	line, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	speaking.Lock()
	defer speaking.Unlock()
	fmt.Println(string(line))
}

func connect(options given) (*socket.Socket, error) {
	transports := types.NewSet(socket.Polling, socket.WebSocket)
	if !slices.Contains(options.Transports, "polling") {
		transports.Delete(socket.Polling)
	}
	if !slices.Contains(options.Transports, "websocket") {
		transports.Delete(socket.WebSocket)
	}
	opts := socket.DefaultOptions()
	opts.SetTransports(transports)
	opts.SetAuth(map[string]any{"token": options.Token})
	opts.SetReconnectionDelay(200)
	opts.SetReconnectionDelayMax(1000)
	return socket.Connect(options.URL, opts)
}

func listen(client *socket.Socket) {
	client.On("connect", func(...any) { say(fact{"fact": "connected"}) })
	client.On("auth:success", func(...any) { say(fact{"fact": "welcome"}) })
	client.On("disconnect", func(reason ...any) { say(fact{"fact": "disconnected", "reason": fmt.Sprint(reason...)}) })
	client.On("connect_error", func(errs ...any) { say(fact{"fact": "refused", "reason": fmt.Sprint(errs...)}) })
	client.On("receive_message", func(args ...any) {
		message := args[0].(map[string]any)
		said := fact{"fact": "received", "seq": message["seq"], "transport": client.Io().Engine().Transport().Name()}
		switch content := message["ciphertext"].(type) {
		case string:
			said["text"] = content
		case types.BufferInterface:
			said["base64"] = base64.StdEncoding.EncodeToString(content.Bytes())
		default:
			said["text"] = fmt.Sprintf("a %T", content)
		}
		say(said)
	})
}

func send(client *socket.Socket, userID string, sent command) error {
	message := map[string]any{"recipientId": userID, "iv": "i", "tag": "t", "seq": sent.Seq}
	if sent.Text != nil {
		message["ciphertext"] = *sent.Text
	} else {
		content, err := base64.StdEncoding.DecodeString(sent.Base64)
		if err != nil {
			return err
		}
		message["ciphertext"] = content
	}
	return client.Emit("send_message", message, func(answer []any, err error) {
		if err == nil {
			success := answer[0].(map[string]any)["success"]
			say(fact{"fact": "acknowledged", "seq": sent.Seq, "success": success})
		}
	})
}

func run() error {
	var options given
	if err := json.Unmarshal([]byte(os.Args[1]), &options); err != nil {
		return err
	}
	client, err := connect(options)
	if err != nil {
		return err
	}
	listen(client)
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var sent command
		if err := input.Decode(&sent); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := send(client, options.UserID, sent); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
