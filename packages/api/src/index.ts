export { metadataPath, metadataSchema, type Metadata } from './metadata';
export { movieDetailsSchema, type MovieDetails } from './movie';
export {
  meanSchema,
  ratingPath,
  ratingQuery,
  recordTypes,
  voteQuery,
  type RecordType,
} from './rating';
export { byIdQuery, idSchema } from './record-id';
