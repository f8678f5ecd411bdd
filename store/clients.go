package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
)

// ClientRow is a registered client as it is stored. It is an alias of an unnamed struct, as the registry's own row is, so
// that neither package imports the other. Data holds hashes of secrets: a row is not for logs.
type ClientRow = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}

// Clients keeps registered clients in memory, for tests and for processes that need nothing more. The zero value is
// empty and ready. It is safe for concurrent use, and holds and hands out copies only.
type Clients struct {
	mu   sync.Mutex // guards rows
	rows map[string]ClientRow
}

// NewClients returns an empty store.
func NewClients() *Clients { return &Clients{} }

// Get returns the row of that id; false if there is none.
func (c *Clients) Get(_ context.Context, id string) (ClientRow, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, ok := c.rows[id]
	return copyClient(row), ok, nil
}

// ByName returns at most take of the rows of that name, in the order of their ids, after the first skip ones. A nil owner
// means anybody's, an empty one nobody's.
func (c *Clients) ByName(_ context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
	return c.find(skip, take, func(row ClientRow) bool { return row.Name == name && ownedBy(row, owner) }), nil
}

// List returns at most take rows in the order of their ids, after the first skip ones. A nil owner means anybody's, an
// empty one nobody's.
func (c *Clients) List(_ context.Context, owner *string, skip, take int) ([]ClientRow, error) {
	return c.find(skip, take, func(row ClientRow) bool { return ownedBy(row, owner) }), nil
}

// Create stores a row unless there is one of that id; false means that there is.
func (c *Clients) Create(_ context.Context, row ClientRow) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, exists := c.rows[row.ID]; exists {
		return false, nil
	}
	if c.rows == nil {
		c.rows = make(map[string]ClientRow)
	}
	c.rows[row.ID] = copyClient(row)
	return true, nil
}

// Update puts row in the place of the one of that id whose Version is one less; false means that there is no such row.
func (c *Clients) Update(_ context.Context, row ClientRow) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, exists := c.rows[row.ID]; !exists || old.Version != row.Version-1 {
		return false, nil
	}
	c.rows[row.ID] = copyClient(row)
	return true, nil
}

// Delete drops the row of that id; false means that there was none.
func (c *Clients) Delete(_ context.Context, id string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, existed := c.rows[id]
	delete(c.rows, id)
	return existed, nil
}

func (c *Clients) find(skip, take int, wanted func(ClientRow) bool) []ClientRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []ClientRow
	for _, row := range c.rows {
		if wanted(row) {
			found = append(found, row)
		}
	}
	slices.SortFunc(found, func(a, b ClientRow) int { return cmp.Compare(a.ID, b.ID) })
	found = found[min(skip, len(found)):]
	found = slices.Clone(found[:min(take, len(found))])
	for i := range found {
		found[i] = copyClient(found[i])
	}
	return found
}

func ownedBy(row ClientRow, owner *string) bool { return owner == nil || *owner == row.Owner }

func copyClient(row ClientRow) ClientRow {
	row.Data = bytes.Clone(row.Data)
	return row
}
