"""Batches, printers and reports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('printers',
    sa.Column('printer_id', sa.Uuid(), nullable=False),
    sa.Column('gateway_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('till_ids', postgresql.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('printer_id')
    )
    op.create_index('printers_of_store', 'printers', ['store_id'], unique=False)
    op.add_column('acquirer_batches', sa.Column('trace_number', sa.Integer(), nullable=True))
    op.add_column('acquirer_batches', sa.Column('trace_count', sa.Integer(), server_default='0', nullable=False))
    op.add_column('acquirer_batches', sa.Column('traced_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('acquirer_batches', sa.Column('out_of_balance', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('acquirer_batches', sa.Column('their_totals', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('acquirer_batches', sa.Column('uploaded_to', sa.Uuid(), nullable=True))
    op.create_index('acquirer_messages_of_batch', 'acquirer_messages', ['settlement_id', 'acquirer', 'message_id'], unique=False, postgresql_where=sa.text('settlement_id IS NOT NULL'))
    op.create_index('stored_messages_undone', 'stored_messages', ['created_at', 'message_id'], unique=False, postgresql_where=sa.text("state IN ('waiting', 'refused')"))
    op.create_index('intents_of_till', 'intents', ['till_id', 'created_at', 'intent_id'], unique=False)
    op.create_index('intents_of_terminal', 'intents', ['terminal_id', 'created_at', 'intent_id'], unique=False)
    op.create_index('tills_of_store', 'tills', ['store_id', 'till_id'], unique=False)
    op.add_column('settlements', sa.Column('requested_by_name', sa.Text(), nullable=True))
    op.add_column('differences', sa.Column('acquirer', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('differences', 'acquirer')
    op.drop_column('settlements', 'requested_by_name')
    op.drop_index('tills_of_store', table_name='tills')
    op.drop_index('intents_of_terminal', table_name='intents')
    op.drop_index('intents_of_till', table_name='intents')
    op.drop_index('stored_messages_undone', table_name='stored_messages', postgresql_where=sa.text("state IN ('waiting', 'refused')"))
    op.drop_index('acquirer_messages_of_batch', table_name='acquirer_messages', postgresql_where=sa.text('settlement_id IS NOT NULL'))
    op.drop_column('acquirer_batches', 'uploaded_to')
    op.drop_column('acquirer_batches', 'their_totals')
    op.drop_column('acquirer_batches', 'out_of_balance')
    op.drop_column('acquirer_batches', 'traced_at')
    op.drop_column('acquirer_batches', 'trace_count')
    op.drop_column('acquirer_batches', 'trace_number')
    op.drop_index('printers_of_store', table_name='printers')
    op.drop_table('printers')
