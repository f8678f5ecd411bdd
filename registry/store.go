package registry

import "context"

// Store keeps the registered clients. It knows nothing of what a client is: a [Row] has what clients are looked for by,
// and the rest as one document. Package store has one in memory, and package store/storetest the tests that any
// implementation should pass.
//
// Ids, names and owners are compared byte by byte: not without regard to case, nor to spaces at the end, as some databases
// do by default. An error says that the store did not work; that there is no such row is no error here. A Store must be
// safe for concurrent use and must keep and hand out copies. It must not log rows.
type Store interface {
	// Get returns the row of that id; false if there is none.
	Get(ctx context.Context, id string) (row Row, found bool, err error)

	// ByName returns at most take of the rows of that name, in ascending order of their ids, after the first skip ones.
	// Names are not unique. A nil owner means anybody's clients, an empty one those of nobody, any other those of that
	// owner. Neither number is negative.
	ByName(ctx context.Context, name string, owner *string, skip, take int) ([]Row, error)

	// List is ByName for all names.
	List(ctx context.Context, owner *string, skip, take int) ([]Row, error)

	// Create stores a new row; false, and nothing is changed, if there is one of that id.
	Create(ctx context.Context, row Row) (created bool, err error)

	// Update puts row, as a whole, in the place of the one that has its ID and the Version before (row.Version-1); false,
	// and nothing is changed, if there is no such row. Of two concurrent updates from one Version exactly one succeeds.
	Update(ctx context.Context, row Row) (updated bool, err error)

	// Delete drops the row of that id; false if there was none.
	Delete(ctx context.Context, id string) (deleted bool, err error)
}

// Row is a client as a [Store] keeps it: five columns, of which ID is the key. It is an alias of an unnamed struct, so
// that a store can have the methods without importing this package.
//
//   - ID is unique.
//   - Name is indexed for ByName.
//   - Owner is empty for a client that belongs to nobody.
//   - Version is a positive number of at most 53 bits, and one more after each change. It begins at random, so that a change
//     that was meant for a deleted client does not meet one that was registered under its id since.
//   - Data is a JSON object. It holds hashes of secrets. A store does not look into it, and may keep it in a column that
//     changes its white space or the order of its members.
type Row = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}
