package redisstore_test

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// All processes of this API share used proofs and denied tokens.
func Example() { //nolint:testableexamples // it needs a server
	ctx := context.Background() // in a program, it ends at shutdown
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
	shared, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	if err := shared.Check(ctx); err != nil { // Redis cannot be reached, or may evict keys
		log.Fatal(err)
	}
	denied := store.DenyList{Storage: shared}
	verifier, err := consumer.New(consumer.Config{
		Issuer:    "https://login.example.com",
		Audience:  []string{"https://api.example.com"},
		Status:    denied,
		StatusTTL: 5 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP:     &middleware.DPoPConfig{URL: "https://api.example.com", Replays: shared},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // drops cached tokens when another process denies them
		if err := shared.Watch(ctx, verifier); err != nil {
			log.Print(err)
		}
	}()
	http.Handle("/orders", guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		sid, _ := token.Claim("sid")
		if session, ok := sid.(string); ok { // sign out: deny all tokens of the session in all processes
			if err := denied.DenySession(r.Context(), token.Issuer(), session, time.Now().Add(time.Hour)); err != nil {
				http.Error(w, "try again", http.StatusServiceUnavailable)
			}
		}
	})))
}

// A cluster needs no other settings.
func ExampleNew_cluster() {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 []string{"redis-1.internal:6379", "redis-2.internal:6379"},
		ContextTimeoutEnabled: true,
	})
	if _, err := redisstore.New(redisstore.Config{Client: client, Prefix: "orders-api"}); err != nil {
		log.Fatal(err)
	}
	// Output:
}
