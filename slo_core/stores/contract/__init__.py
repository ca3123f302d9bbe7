"""The promises of a `BucketStore`, as tests to run over a store of your own."""
