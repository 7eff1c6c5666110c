// One conversation with a Tidings server through the Go SDK: `conversation URL json|protobuf`.
// Prints one JSON object on success; anything unexpected ends with a message and exit code 1.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

func dial(url, codec string) *centrifuge.Client {
	config := centrifuge.Config{Name: "go"}
	if codec == "protobuf" {
		return centrifuge.NewProtobufClient(url, config)
	}
	return centrifuge.NewJsonClient(url, config)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func take[T any](ctx context.Context, from <-chan T) T {
	select {
	case value := <-from:
		return value
	case <-ctx.Done():
		log.Fatal("nothing arrived in time")
		panic("unreachable")
	}
}

func main() {
	url, codec := os.Args[1], os.Args[2]
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	client := dial(url, codec)
	defer client.Close()
	must(client.Connect())
	publications := make(chan json.RawMessage, 10)
	subscribed := make(chan centrifuge.SubscribedEvent, 10)
	subscription, err := client.NewSubscription("go", centrifuge.SubscriptionConfig{Recoverable: true})
	must(err)
	subscription.OnPublication(func(event centrifuge.PublicationEvent) { publications <- event.Data })
	subscription.OnSubscribed(func(event centrifuge.SubscribedEvent) { subscribed <- event })
	must(subscription.Subscribe())
	take(ctx, subscribed)

	_, err = subscription.Publish(ctx, []byte(`{"n":1}`))
	must(err)
	live := take(ctx, publications)

	// Away while two more are published through another client, then back: both are recovered, in order.
	must(client.Disconnect())
	other := dial(url, codec)
	defer other.Close()
	must(other.Connect())
	for _, data := range []string{`{"n":2}`, `{"n":3}`} {
		_, err = other.Publish(ctx, "go", []byte(data))
		must(err)
	}
	must(client.Connect())
	back := take(ctx, subscribed)
	recovered := []json.RawMessage{take(ctx, publications), take(ctx, publications)}

	history, err := subscription.History(ctx, centrifuge.WithHistoryLimit(10))
	must(err)
	presence, err := subscription.PresenceStats(ctx)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"live":           live,
		"was_recovering": back.WasRecovering,
		"recovered":      back.Recovered,
		"publications":   recovered,
		"history":        len(history.Publications),
		"clients":        presence.NumClients,
	}))
}
