"""
Search over learnings: a read model beside the database.

It knows plain values only (`documents`), never rows or messages, and blocks: call it in a thread.

- `documents` are the plain values: what goes in, and what comes out;
- `analysis` turns text into words and words into the terms that are compared; `stop_words` are those that say nothing;
- `query` reads what a person typed;
- `stemming` knows stems, and `lexicon` all words of the collection: `expansion` finds with them what a typed word
  stands for;
- `matching` makes tantivy's queries of it, and `ranking` searches with them;
- `index` keeps the index on disk, with the fields of `schema`, and `snapshot` gives its files to another replica;
  `engine` is what index and lexicon ask of tantivy;
- `vectors` compares what documents mean, and `language_detection` guesses in which language somebody asks;
- `snippets` shows where and why a text matched.
"""
