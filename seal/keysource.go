package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/bearerkit/bearerkit/internal/ownfile"
)

// NewKey returns a key with a new random secret. It returns an error if id cannot be a [Key.ID].
func NewKey(id string) (Key, error) {
	if !isKeyID(id) {
		return Key{}, fmt.Errorf("seal: %w", errKeyID)
	}
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	return Key{ID: id, Secret: secret}, nil
}

const maxKeyFile = 16 << 10

// KeysFromFile reads keys from a file that contains what [ParseKeys] accepts. The file must be a regular file of at most 16 KiB.
// On Unix, it must belong to the user of the process or to root, and only its owner may have the permission to write it.
//
// KeysFromFile is meant for the secrets that Kubernetes and systemd put into files. So it follows symbolic links, and it accepts
// files that users other than the owner can read. Remove that permission where you can. Errors name the file, and never contain a
// part of a secret.
func KeysFromFile(path string) ([]Key, error) {
	content, err := ownfile.ReadTrusted(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("seal: key file: %w", err)
	}
	keys, err := ParseKeys(string(content))
	if err != nil {
		return nil, fmt.Errorf("seal: key file %s: %w", path, err)
	}
	return keys, nil
}

// KeysFromEnv reads keys from the environment variable name, or from the file that the variable name+"_FILE" names. Exactly
// one of the two must be set. See [ParseKeys] and [KeysFromFile] for the formats. Errors contain the name of the variable,
// and never a part of its value.
//
// A file is safer than a variable: other processes of the same user can read the environment, child processes inherit it, and
// crash reports may contain it.
func KeysFromEnv(name string) ([]Key, error) {
	file := name + "_FILE"
	text, path := os.Getenv(name), os.Getenv(file)
	switch {
	case text == "" && path == "":
		return nil, fmt.Errorf("seal: neither %s nor %s is set, expected keys of the form ID:SECRET or the path of a file with them", name, file)
	case text != "" && path != "":
		return nil, fmt.Errorf("seal: %s and %s are both set, expected one of them", name, file)
	case path != "":
		return keysFromNamedFile(file, path)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", name, err)
	}
	return keys, nil
}

// keysFromNamedFile reads the file that a variable names. If the variable contains keys by mistake, no such file exists, and
// the error must not contain them.
func keysFromNamedFile(variable, path string) ([]Key, error) {
	if _, err := os.Stat(path); err != nil { //nolint:gosec // G703: the operator chooses the file
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("seal: %s: the file cannot be read: %w", variable, err)
	}
	keys, err := KeysFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", variable, err)
	}
	return keys, nil
}
