export { answer, hang, Origin } from './origin';
