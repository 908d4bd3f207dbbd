export { byIdsQuery } from './id-list';
export { maxListLength, type List } from './list';
export {
  metadataBodySchema,
  metadataPath,
  metadataPaths,
  metadataSchema,
  type Metadata,
} from './metadata';
export { movieDetailsSchema, movieListSchema, type MovieDetails, type MovieList } from './movie';
export {
  meanSchema,
  ratingListSchema,
  ratingPath,
  ratingQuery,
  ratingsPaths,
  ratingsQuery,
  recordTypes,
  voteQuery,
  type RecordType,
} from './rating';
export { byIdQuery, idSchema } from './record-id';
export {
  formatCursor,
  metadataListSchema,
  searchPath,
  searchQuery,
  type SearchQuery,
  type TitlePosition,
} from './title-search';
