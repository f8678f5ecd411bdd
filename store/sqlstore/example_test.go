package sqlstore_test

import (
	"context"
	"log"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/sqlite"
)

// All processes of this API share denied tokens.
func Example() { //nolint:testableexamples // it creates a file
	ctx := context.Background() // in a program, it ends at shutdown
	db, err := sqlite.Open("/var/lib/api/bearerkit.db")
	if err != nil {
		log.Fatal(err)
	}
	shared, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err != nil {
		log.Fatal(err)
	}
	if err := shared.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer:    "https://login.example.com",
		Audience:  []string{"https://api.example.com"},
		Status:    store.DenyList{Storage: shared},
		StatusTTL: 5 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // drops cached tokens when another process denies them
		if err := shared.Watch(ctx, verifier); err != nil {
			log.Print(err)
		}
	}()
	go func() { // removes expired rows
		if err := shared.Run(ctx); err != nil {
			log.Print(err)
		}
	}()
}
