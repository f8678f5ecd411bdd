package seal_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/bearerkit/bearerkit/seal"
)

// A value is bound to its row, so it cannot be opened as the value of another row.
func Example() {
	// In production: keys, err := seal.KeysFromEnv("APP_SEAL_KEYS")
	key, err := seal.NewKey("2026-11")
	if err != nil {
		log.Fatal(err)
	}
	ring, err := seal.New(seal.Config{Keys: []seal.Key{key}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	sealed, err := ring.Seal(ctx, []byte("a refresh token"), seal.Bind("token", "alice"))
	if err != nil {
		log.Fatal(err)
	}
	plaintext, err := ring.Open(ctx, sealed, seal.Bind("token", "alice"))
	fmt.Printf("%s, %v\n", plaintext, err)
	_, err = ring.Open(ctx, sealed, seal.Bind("token", "bob"))
	fmt.Println(err)
	// Output:
	// a refresh token, <nil>
	// seal: the value was changed, or was sealed for another place or with another secret
}

// KeysFromEnv reads the keys from a variable, or from the file that the variable with _FILE names.
func ExampleKeysFromEnv() {
	_ = os.Setenv("EXAMPLE_SEAL_KEYS", "2026-11:GPTgMfLjaKEsRHJp7jBjkoIyGjNnsUZIM7NCGcTnJAM= 2026-05:VwPuAzHNdwqlcM3VYp8xyd9gWLrgJcHwXzKQ5FYEJtg=")
	defer func() { _ = os.Unsetenv("EXAMPLE_SEAL_KEYS") }()
	keys, err := seal.KeysFromEnv("EXAMPLE_SEAL_KEYS")
	fmt.Println(keys, err)
	_, err = seal.KeysFromEnv("EXAMPLE_OTHER_KEYS")
	fmt.Println(err)
	// Output:
	// [seal.Key{ID: "2026-11"} seal.Key{ID: "2026-05"}] <nil>
	// seal: neither EXAMPLE_OTHER_KEYS nor EXAMPLE_OTHER_KEYS_FILE is set, expected keys of the form ID:SECRET or the path of a file with them
}

// The new key is the first one. Values with the old key can still be opened, until all of them have been sealed again.
func ExampleReseal() {
	ctx := context.Background()
	oldKey, _ := seal.NewKey("2026-05")
	newKey, _ := seal.NewKey("2026-11")
	before, _ := seal.New(seal.Config{Keys: []seal.Key{oldKey}})
	during, _ := seal.New(seal.Config{Keys: []seal.Key{newKey, oldKey}})
	after, _ := seal.New(seal.Config{Keys: []seal.Key{newKey}})

	binding := seal.Bind("token", "alice")
	sealed, _ := before.Seal(ctx, []byte("a refresh token"), binding)
	resealed, changed, err := seal.Reseal(ctx, during, sealed, binding)
	if err != nil {
		log.Fatal(err)
	}
	if changed {
		fmt.Println("UPDATE tokens SET value = resealed WHERE owner = 'alice' AND value = sealed")
	}
	_, err = after.Open(ctx, sealed, binding)
	fmt.Println(errors.Is(err, seal.ErrUnknownKey))
	plaintext, err := after.Open(ctx, resealed, binding)
	fmt.Printf("%s, %v\n", plaintext, err)
	// Output:
	// UPDATE tokens SET value = resealed WHERE owner = 'alice' AND value = sealed
	// true
	// a refresh token, <nil>
}

// A wrong use: without a binding, somebody who can write to the database can swap the values of two rows.
func ExampleBind_missing() {
	ctx := context.Background()
	key, _ := seal.NewKey("2026-11")
	ring, _ := seal.New(seal.Config{Keys: []seal.Key{key}})
	rows := map[string][]byte{}
	rows["alice"], _ = ring.Seal(ctx, []byte("token of alice"), nil)
	rows["mallory"], _ = ring.Seal(ctx, []byte("token of mallory"), nil)
	rows["mallory"] = rows["alice"]
	plaintext, err := ring.Open(ctx, rows["mallory"], nil)
	fmt.Printf("mallory has the %s, %v\n", plaintext, err)
	// Output: mallory has the token of alice, <nil>
}
