package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// RegistrationStore stores the clients that a program has registered. Implementations must be safe for concurrent use, and
// must store every exported field of a Registration, for example as the JSON that json.Marshal returns. Package
// tokenstoretest has tests for implementations.
type RegistrationStore interface {
	// LoadRegistration returns the registration that was saved under key. If there is none, and only then, the error must
	// match [ErrNoRegistration].
	LoadRegistration(ctx context.Context, key string) (*Registration, error)

	// SaveRegistration stores r under key, and replaces the registration that was stored there.
	SaveRegistration(ctx context.Context, key string, r *Registration) error

	// DeleteRegistration removes the registration under key. It is not an error if there is none.
	DeleteRegistration(ctx context.Context, key string) error
}

// CredentialStore stores tokens and registrations for a [ResourceTransport]. [FileTokens] and [MemoryTokens] implement it. A
// token and a registration may have the same key.
type CredentialStore interface {
	TokenStore
	RegistrationStore
}

var (
	_ CredentialStore = (*FileTokens)(nil)
	_ CredentialStore = (*MemoryTokens)(nil)
)

// ErrNoRegistration says that a [RegistrationStore] has no registration under a key.
var ErrNoRegistration = errors.New("client: no registration is stored")

// LoadRegistration implements [RegistrationStore].
func (m *MemoryTokens) LoadRegistration(_ context.Context, key string) (*Registration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.registrations[key]
	if !ok {
		return nil, ErrNoRegistration
	}
	return &r, nil
}

// SaveRegistration implements [RegistrationStore].
func (m *MemoryTokens) SaveRegistration(_ context.Context, key string, r *Registration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.registrations == nil {
		m.registrations = make(map[string]Registration)
	}
	m.registrations[key] = *r
	return nil
}

// DeleteRegistration implements [RegistrationStore].
func (m *MemoryTokens) DeleteRegistration(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.registrations, key)
	return nil
}

const registrationExtension = ".client.json"

// LoadRegistration implements [RegistrationStore]. On Unix, it returns an error for a file that users other than its owner may
// read or write.
func (f *FileTokens) LoadRegistration(ctx context.Context, key string) (*Registration, error) {
	path := f.path(key, registrationExtension)
	text, found, err := f.read(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	if !found {
		return nil, ErrNoRegistration
	}
	r := new(Registration)
	if err := json.Unmarshal(text, r); err != nil || r.ClientID == "" {
		// The error of the decoder is dropped, because it may quote a secret.
		return nil, fmt.Errorf("client: FileTokens: %s does not contain a registration", path)
	}
	return r, nil
}

// SaveRegistration implements [RegistrationStore]. It replaces the file atomically.
func (f *FileTokens) SaveRegistration(ctx context.Context, key string, r *Registration) error {
	text, err := json.Marshal(r) //nolint:gosec // G117: only the owner can read the file
	if err == nil {
		err = f.write(ctx, f.path(key, registrationExtension), text, "registration")
	}
	if err != nil {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}

// DeleteRegistration implements [RegistrationStore].
func (f *FileTokens) DeleteRegistration(_ context.Context, key string) error {
	if err := os.Remove(f.path(key, registrationExtension)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}
